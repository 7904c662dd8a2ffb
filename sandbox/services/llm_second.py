"""A second language model beside the first, at an address of its own, with faults of its own."""

from sandbox.services.llm import make_service

SERVICE = make_service("llm_second", ("sandbox-second",))
