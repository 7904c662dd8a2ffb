"""A Solana node's JSON-RPC: POST `/solana/`, one request or a batch of at most 100.

Methods: `getHealth`, `getTokenSupply`, and `getTokenAccountsByOwner` with a mint and `jsonParsed`. Any mint
is the one token that `sandbox/tokens.py` knows.
"""

import hashlib
import json
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from sandbox.faults import HOLDING_KINDS, NODE_KINDS
from sandbox.service import Service, state_of
from sandbox.tokens import DECIMALS, UNIT, TokenLedger, read_slot

NAME = "solana"
BEHIND = 42  # slots
OLD = 1_000  # slots
MOST_REQUESTS = 100
SUPPLY = 1_000_000_000 * UNIT

router = APIRouter(prefix=f"/{NAME}")
Answer = dict[str, Any]


@router.post("/")
async def answer(request: Request) -> JSONResponse:
    """The answer to one request, or to each of a batch."""
    try:
        asked = json.loads(await request.body())
        batch = asked if isinstance(asked, list) else [asked]
        named = [(one["id"], one["method"], one.get("params", [])) for one in batch]
    except (ValueError, TypeError, KeyError):
        return JSONResponse(_error(None, -32600, "Invalid request"))
    if len(batch) > MOST_REQUESTS:
        return JSONResponse(_error(None, -32600, f"more than {MOST_REQUESTS} requests (sandbox)"), 413)
    only_health = all(method == "getHealth" for _, method, _ in named)
    state = state_of(request)
    kinds = NODE_KINDS if only_health else (*NODE_KINDS, *HOLDING_KINDS)
    fault = state.faults.take(NAME, kinds, None, request.url.path)
    kind = request.state.fault = fault.kind if fault else None
    if kind == "behind":
        data = {"numSlotsBehind": BEHIND}
        answers = [_error(id_, -32005, f"Node is behind by {BEHIND} slots", data) for id_, *_ in named]
    else:
        answers = [_answer_one(state.tokens, id_, method, params, kind) for id_, method, params in named]
    if kind == "one_fails":
        answers[0] = _error(named[0][0], -32602, "Invalid param: WrongSize")
    if kind == "one_missing":
        del answers[0]
    return JSONResponse(answers if isinstance(asked, list) else answers[0])


def _answer_one(tokens: TokenLedger, id_: object, method: str, params: Any, kind: str | None) -> Answer:
    slot = read_slot() - (OLD if kind == "old_slot" else 0)
    context = {"apiVersion": "3.1.10", "slot": slot}
    match method, params:
        case "getHealth", _:
            return _result(id_, "ok")
        case "getTokenSupply", [str(), *_]:
            value: Any = _amount(SUPPLY)
        case "getTokenAccountsByOwner", [
            str() as wallet,
            {"mint": str() as mint},
            {"encoding": "jsonParsed"} as how,
        ]:
            if kind != "old_slot" and int(how.get("minContextSlot") or 0) > slot:
                return _error(id_, -32016, "Minimum context slot has not been reached", {"contextSlot": slot})
            value = [_account(tokens, wallet, mint, *one) for one in enumerate(tokens.read_amounts(wallet))]
            if kind == "unreadable_account" and value:
                value[0]["account"]["data"] = ["AAAA", "base64"]
        case (("getTokenSupply" | "getTokenAccountsByOwner"), _):
            return _error(id_, -32602, "Invalid params")
        case _:
            return _error(id_, -32601, "Method not found")
    return _result(id_, {"context": context, "value": value})


def _account(tokens: TokenLedger, wallet: str, mint: str, number: int, amount: int) -> Answer:
    info = {
        "isNative": False,
        "mint": mint,
        "owner": wallet,
        "state": "initialized",
        "tokenAmount": _amount(amount),
    }
    data = {"parsed": {"info": info, "type": "account"}, "program": "spl-token", "space": 165}
    return {
        "account": {
            "data": data,
            "executable": False,
            "lamports": 2039280,
            "owner": tokens.program,
            "rentEpoch": 2**64 - 1,
            "space": 165,
        },
        "pubkey": hashlib.sha256(f"{wallet} {number}".encode()).hexdigest()[:44].replace("0", "1"),
    }


def _amount(amount: int) -> Answer:
    ui_amount = amount / UNIT  # a float, which loses digits: nobody should read it
    return {
        "amount": str(amount),
        "decimals": DECIMALS,
        "uiAmount": ui_amount,
        "uiAmountString": format(ui_amount, "f"),
    }


def _result(id_: object, result: object) -> Answer:
    return {"jsonrpc": "2.0", "result": result, "id": id_}


def _error(id_: object, code: int, message: str, data: object = None) -> Answer:
    error = {"code": code, "message": message} | ({"data": data} if data else {})
    return {"jsonrpc": "2.0", "error": error, "id": id_}


def fail_in_200(path: str) -> Response:
    """An error under status 200, as of a node that is overloaded."""
    return JSONResponse(_error(None, -32603, "Internal error"))


SERVICE = Service(NAME, router, kinds=(*NODE_KINDS, *HOLDING_KINDS), error_in_200=fail_in_200)
