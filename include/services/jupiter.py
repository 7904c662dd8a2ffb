"""Jupiter, an exchange of Solana's tokens: prices by its Price API V3. https://dev.jup.ag/docs/price"""

from include.http import MINUTE, Auth, Limit, Service

SERVICES = (
    Service(  # the free plan; a key is needed since April 2026
        "jupiter",
        "https://api.jup.ag",
        auth=Auth("header", "x-api-key"),
        limits=(Limit(60, MINUTE),),
    ),
)
