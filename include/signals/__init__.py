"""Generating signals: from a request to a stored trade by way of a snapshot, indicators and a model.

The lists of what may be asked for must import quickly, so nothing is imported here; others import from the
modules `requests` (what may be asked for), `attempts` (a run's requests, and what became of them) and
`generate` (the steps); docs/signals.md explains them.
"""
