"""The trigger forms: what they offer, what they refuse, and that people find the names of their fields."""

import inspect
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException

from include.airflow.forms import DaysForm, Form, FormRefusedError, read_form, refuse_unknown_names
from tests.support.tasks import context_of

OPERATING = Path(__file__).parents[2] / "docs" / "operating.md"


class ExampleForm(Form):
    """A form with one field of each kind."""

    name: str
    count: int
    dry_run: bool


def example(**filled_in):
    params = {"name": " a ", "count": 1, "dry_run": True} | filled_in
    return context_of(SimpleNamespace(dag_id="example", params=SimpleNamespace(dump=lambda: params)))


def test_a_form_is_read_with_its_types_and_without_blanks_around_its_texts():
    with example():
        assert read_form(ExampleForm) == ExampleForm(name="a", count=1, dry_run=True)


@pytest.mark.parametrize(
    ("filled_in", "words"),
    [
        ({"dry_run": "False"}, 'dry_run is "False"; it must be true or false'),
        ({"dry_run": 0}, "dry_run is 0; it must be true or false"),
        ({"count": "many", "name": 1}, "name is 1; it must be a text; count is"),
        ({"other": 1}, "other is unknown"),
    ],
)
def test_what_does_not_fit_is_refused_for_good_and_in_words(filled_in, words):
    with pytest.raises(FormRefusedError, match=r"^Nothing was done: ") as caught, example(**filled_in):
        read_form(ExampleForm)
    assert words in str(caught.value)
    assert isinstance(caught.value, AirflowFailException), "trying again would change nothing"


def test_a_request_class_of_the_product_refuses_in_its_own_words():
    class Request:
        @classmethod
        def read(cls, params, today):
            raise ValueError(f"{params['name'].strip()} is too late on {today}")

    with pytest.raises(FormRefusedError, match=r"^Nothing was done: a is too late on Monday$"), example():
        read_form(Request, "Monday")


def test_the_fields_of_a_form_are_those_that_its_dag_shows(any_dag):
    module = sys.modules[any_dag.tasks[0].python_callable.__module__] if any_dag.params else None
    forms = [
        one for _, one in inspect.getmembers(module, inspect.isclass) if issubclass(one, Form) and one != Form
    ]
    for form in forms:
        assert set(form.model_fields) == set(any_dag.params), form.__name__
    assert set(DaysForm.model_fields) <= set(any_dag.params) or "first_day" not in any_dag.params


def test_every_field_has_a_title_and_says_what_it_is(any_dag):
    for name in any_dag.params:
        param = any_dag.params.get_param(name)
        said = param.description or param.schema.get("description_md")
        assert param.schema.get("title") and said, name
        assert said[0].isupper() and said.endswith("."), f"{name} is described in sentences: {said}"
        assert "see above" not in said


def test_its_doc_has_an_example_that_its_form_takes(any_dag):
    (example,) = re.findall(r"as `conf`: `(.*)`", any_dag.doc_md) or ["{}"]
    assert bool(any_dag.params) == (example != "{}")
    for name, value in json.loads(example).items():
        assert any_dag.params.get_param(name).resolve(value) == value


def test_names_that_its_form_lacks_are_refused_by_its_first_task(any_dag):
    (first, *others) = any_dag.roots
    context = {"dag": any_dag, "dag_run": SimpleNamespace(conf={"no_such_name": 1})}
    for task in (first, *others):
        assert task._pre_execute_hook is any_dag.default_args["pre_execute"], task.task_id
    if not any_dag.params:
        refuse_unknown_names(context)
        return
    with pytest.raises(AirflowFailException, match="no_such_name") as caught:
        first._pre_execute_hook(context)
    for name in any_dag.params:
        assert name in str(caught.value)
    refuse_unknown_names({**context, "dag_run": SimpleNamespace(conf=dict.fromkeys(any_dag.params))})
    refuse_unknown_names({**context, "dag_run": SimpleNamespace(conf=None)})


@pytest.mark.parametrize(
    ("dag_id", "given", "meant"),
    [("export_trades", "user", "users"), ("replay_trades", "symbol", "symbols")],
)
def test_a_name_that_is_nearly_right_is_offered(bag, dag_id, given, meant):
    context = {"dag": bag.dags[dag_id], "dag_run": SimpleNamespace(conf={given: ["x"]})}
    with pytest.raises(AirflowFailException, match=f"{given}; did you mean {meant}\\?"):
        refuse_unknown_names(context)


def test_the_names_of_every_form_are_documented(bag):
    """What REST takes under `conf`: people must not have to read the code for it."""
    expected = [
        f"| `{name}` | {', '.join(f'`{field}`' for field in dag.params)} |"
        for name, dag in sorted(bag.dags.items())
        if dag.params
    ]
    section = OPERATING.read_text().split("## Starting a DAG over REST", 1)[1].split("\n## ", 1)[0]
    found = [line for line in section.splitlines() if line.startswith("| `")]
    assert found == expected, "paste this into docs/operating.md:\n" + "\n".join(expected)
