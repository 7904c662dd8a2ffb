"""Airflow's own api-server: what it says of its parts needs no login."""

from include.http import Limit, Service

SERVICES = (Service("airflow", limits=(Limit(20, 1),)),)
