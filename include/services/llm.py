"""The language models, by the OpenAI protocol. Here for their lists of models only: see include/llm."""

from include.http import MINUTE, Auth, Limit, Service

SERVICES = tuple(
    Service(name, auth=Auth("bearer", required=False), limits=(Limit(60, MINUTE),))
    for name in ("llm", "llm_second")
)
