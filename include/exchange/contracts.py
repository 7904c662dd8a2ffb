"""What the exchange trades, by its public list of contracts."""

from include.http import BadAnswerError
from include.http.client import Client

CONTRACTS = "/openApi/swap/v2/quote/contracts"


def read_contracts(client: Client) -> frozenset[str]:
    """The markets of BingX's perpetual swaps, as `BASE/QUOTE`.

    Raises ServiceError; an answer without a contract is one, and no evidence that there are none.
    """
    answer = client.get_json(CONTRACTS)
    rows = answer.get("data") if isinstance(answer, dict) else None
    names = [row.get("symbol") for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    found = frozenset(
        name.replace("-", "/") for name in names if isinstance(name, str) and name.count("-") == 1
    )
    if not found:
        raise BadAnswerError(client.service.name, "its list of contracts holds none")
    return found
