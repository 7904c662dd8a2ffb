"""The language model: its list of models, which costs no token."""

from functools import partial

from include.http.client import Client
from include.probes.outside import outside_probe
from include.probes.probe import Probe, ProbeAnswer, ProbeContext, ServiceDownError
from include.services import find_service


def make_probes(context: ProbeContext) -> list[Probe]:
    """Make the probe."""
    asked = partial(ask_models, wanted=context.settings.analysis_model)
    return [outside_probe(context, find_service("llm"), asked)]


def ask_models(client: Client, *, wanted: str) -> ProbeAnswer:
    """Ask which models there are. Raises ServiceError, ServiceDownError."""
    answer = client.get_json("/models")
    try:
        # Gemini lists its models as models/<name>.
        names = {str(model["id"]).removeprefix("models/") for model in answer["data"]}
    except (KeyError, TypeError) as error:
        raise ServiceDownError(f"no list of models: {error!r}") from error
    faults = () if wanted in names else (f"the model {wanted} of `analysis_model` is not among them",)
    return ProbeAnswer(f"{len(names)} models", client.milliseconds, faults, sandbox=client.sandbox)
