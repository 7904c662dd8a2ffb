"""The sandbox market: the native API of the local imitation, whose candles are invented."""

from include.http import Limit, Service

SERVICES = (Service("sandbox", limits=(Limit(200, 1),), connection="market_sandbox"),)
