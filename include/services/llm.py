"""The language model, by the OpenAI protocol. Its answers are include/llm's; here is its list of models only."""

from include.http import MINUTE, Auth, Limit, Service

SERVICES = (Service("llm", auth=Auth("bearer", required=False), limits=(Limit(60, MINUTE),)),)
