"""LunarCrush: what people say about coins. https://lunarcrush.com/developers/api"""

from include.http import DAY, MINUTE, Auth, Limit, RequestRefusedError, Service, VendorFault


def find_fault(payload: object) -> VendorFault | None:
    """`error`, a text beside or instead of `data`."""
    error = payload.get("error") if isinstance(payload, dict) else None
    return VendorFault(RequestRefusedError, str(error)) if error else None


SERVICES = (
    Service(  # individual plan
        "lunarcrush",
        "https://lunarcrush.com/api4/public",
        auth=Auth("bearer"),
        limits=(Limit(10, MINUTE), Limit(2_000, DAY)),
        find_fault=find_fault,
        connection="market_lunarcrush",
        sandbox_path="/lunarcrush/public",
    ),
)
