"""The forms of DAGs, read from Airflow's own database inside the api-server."""

from include.web.dag_forms import DagField, DagForm


def read_dag_form(dag_id: str) -> DagForm | None:
    """Read the form of a DAG's newest version; None when there is no such DAG, or its file is gone."""
    from airflow.models.dag import DagModel
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.serialization.definitions.notset import is_arg_set
    from airflow.utils.session import create_session

    with create_session() as session:
        known = session.get(DagModel, dag_id)
        dag = SerializedDagModel.get_dag(dag_id, session=session) if known else None
        if known is None or dag is None or known.is_stale:
            return None
        params = [(name, dag.params.get_param(name)) for name in dag.params]
        fields = [
            DagField(
                name,
                param.value if is_arg_set(param.value) else None,
                param.schema,
                param.description or param.schema.get("description_md") or "",
            )
            for name, param in params
        ]
        return DagForm(dag_id, dag.description or "", fields, bool(known.is_paused))
