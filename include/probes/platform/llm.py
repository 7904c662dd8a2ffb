"""The language models, the first and the second: their lists of models, which cost no token."""

from functools import partial

from include.http.client import Client
from include.probes.outside import outside_probe
from include.probes.probe import Probe, ProbeAnswer, ProbeContext, ServiceDownError
from include.services import find_service


def make_probes(context: ProbeContext) -> list[Probe]:
    """Make the probe of the model, and that of the second one if the settings name one."""
    settings = context.settings
    models = {"llm": ("analysis_model", settings.analysis_model)}
    if settings.llm_second_model:
        models["llm_second"] = ("llm_second_model", settings.llm_second_model)
    return [
        outside_probe(context, find_service(name), partial(ask_models, setting=setting, wanted=model))
        for name, (setting, model) in models.items()
    ]


def ask_models(client: Client, *, setting: str, wanted: str) -> ProbeAnswer:
    """Ask which models there are. Raises ServiceError, ServiceDownError."""
    answer = client.get_json("/models")
    try:
        # Gemini lists its models as models/<name>.
        names = {str(model["id"]).removeprefix("models/") for model in answer["data"]}
    except (KeyError, TypeError) as error:
        raise ServiceDownError(f"no list of models: {error!r}") from error
    faults = () if wanted in names else (f"the model {wanted} of `{setting}` is not among them",)
    return ProbeAnswer(f"{len(names)} models", client.milliseconds, faults, sandbox=client.sandbox)
