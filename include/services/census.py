"""The Census Bureau's API. https://www.census.gov/data/developers.html"""

from include.http import DAY, Auth, Limit, Service

SERVICES = (
    Service(  # the one figure that it has published, for callers without a key; it asks for one since 2026-05
        "census",
        "https://api.census.gov",
        auth=Auth("query", "key"),
        limits=(Limit(500, DAY),),
    ),
)
