"""Interactive Brokers: the gateway on a machine of one's own."""

from include.http import Limit, Service

SERVICES = (
    Service("ibkr", limits=(Limit(10, 1),)),  # its limit for one session
)
