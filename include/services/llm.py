"""The language model, by the OpenAI protocol. Here for its list of models only: see include/llm."""

from include.http import MINUTE, Auth, Limit, Service

SERVICES = (Service("llm", auth=Auth("bearer", required=False), limits=(Limit(60, MINUTE),)),)
