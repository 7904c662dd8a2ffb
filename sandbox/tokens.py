"""Solana's tokens as the sandbox imagines them: one mint's price, and what each wallet holds of it.

Unless a test says otherwise the price swings by 15 % about 0.01 US dollars in three days, and a wallet holds,
by its letters, up to 4,000 tokens in two accounts.
"""

import hashlib
import math
import time
from dataclasses import dataclass, field
from decimal import Decimal

DECIMALS = 9
UNIT = 10**DECIMALS
PRICE, SWING, SWING_SECONDS = 0.01, 0.15, 3 * 86_400.0
MOST_TOKENS = 4_000
SLOT_SECONDS = 0.4
GENESIS = 1_584_368_940  # seconds since 1970, of slot 0
SPL = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"


def read_slot() -> int:
    """The present slot, by the clock."""
    return int((time.time() - GENESIS) / SLOT_SECONDS)


@dataclass
class TokenLedger:
    """What is pinned: a price in US dollars, the amounts of a wallet's accounts, and the token program."""

    price: Decimal | None = None
    amounts: dict[str, list[int]] = field(default_factory=dict)
    program: str = SPL

    def read_price(self, second: float | None = None) -> Decimal:
        """The price at a time, in seconds since 1970; None: now."""
        if self.price is not None:
            return self.price
        turn = 2 * math.pi * (time.time() if second is None else second) / SWING_SECONDS
        return Decimal(repr(round(PRICE * (1 + SWING * math.sin(turn)), 8)))

    def read_amounts(self, wallet: str) -> list[int]:
        """The amounts of the wallet's accounts, in the smallest unit."""
        if wallet in self.amounts:
            return self.amounts[wallet]
        tokens = int.from_bytes(hashlib.sha256(wallet.encode()).digest()[:4]) % (MOST_TOKENS + 1)
        return [tokens // 3 * UNIT, (tokens - tokens // 3) * UNIT]
