"""What the sandbox's model proposes when it is asked for a trade: a ladder from the facts' price and ATR."""

from typing import Any

from sandbox.schema_filler import known_facts

CONFIDENCE = 64.0  # percent
STOP, TARGETS = 1.5, (1.5, 3.0, 4.5)  # in units of an ATR
LEAST = 0.004  # of the price, in place of an ATR that is smaller: costs of 0.4 % are to be earned
ALLOCATIONS = (40.0, 30.0, 30.0)


def propose(facts: dict[str, Any], fault: str | None = None) -> dict[str, Any]:
    """Facts for the schema of a trade: LONG above EMA 50, SHORT below; empty where none is asked for.

    The faults `no_trade`, `wrong_side` and `absurd_levels` spoil it.
    """
    known = known_facts(facts)
    price, atr = known.get("current_price"), known.get("atr_14")
    if "limits" not in known or not isinstance(price, float | int) or not isinstance(atr, float | int):
        return {}
    unit = max(float(atr), LEAST * price)
    side = 1 if price >= known.get("ema_50", 0.0) else -1
    targets = {f"take_profit_{at}": price + side * unit * far for at, far in enumerate(TARGETS, 1)}
    levels = {"entry_price": price, "stop_loss": price - side * unit * STOP, **targets}
    decision = "LONG" if side == 1 else "SHORT"
    match fault:
        case "no_trade":
            decision = "NO_TRADE"
        case "wrong_side":
            levels["stop_loss"] = price + side * unit
        case "absurd_levels":
            levels = {name: 10.0 * level for name, level in levels.items()}
    shares = {f"allocation_{at}": share for at, share in enumerate(ALLOCATIONS, 1)}
    return {"decision": decision, "confidence": CONFIDENCE, **levels, **shares}
