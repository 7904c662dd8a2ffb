"""FRED, the economic data of the Federal Reserve Bank of St. Louis. https://fred.stlouisfed.org/docs/api"""

from include.http import MINUTE, Auth, Limit, Service

SERVICES = (
    Service(  # the key travels in the address
        "fred",
        "https://api.stlouisfed.org",
        auth=Auth("query", "api_key"),
        limits=(Limit(120, MINUTE),),
    ),
)
