"""Settings of token access: whose token, how much of it, and how long people keep what they have."""

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from include.settings.section import Cron, SettingsSection

PriceSourceName = Literal["jupiter", "geckoterminal", "coingecko"]

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
KEY_BYTES = 32


def check_solana_key(key: str) -> str:
    """Give an address of Solana back: 32 bytes in base58 (Bitcoin's alphabet). Raises ValueError."""
    number = 0
    for letter in key[:64]:
        digit = ALPHABET.find(letter)
        if digit < 0:
            raise ValueError(f"{letter!r} is no letter of base58")
        number = number * len(ALPHABET) + digit
    zeros = len(key) - len(key.lstrip(ALPHABET[0]))  # each stands for a byte of zero
    if len(key) > 64 or zeros + (number.bit_length() + 7) // 8 != KEY_BYTES:
        raise ValueError("no address of Solana, which is 32 bytes in base58")
    return key


SolanaKey = Annotated[str, AfterValidator(check_solana_key)]


class AccessSettings(SettingsSection):
    """Token access."""

    access_mint: SolanaKey | None = Field(
        None, description="the token's mint on Solana; none: no price and no balance is asked for"
    )
    access_schedule: Cron = Field(
        "0 * * * *",
        description="cron of `adjust_token_requirement`, from the environment only; every 2 hours at least",
    )
    access_target_usd: Decimal = Field(
        Decimal(20), gt=0, description="US dollars that the required tokens are worth"
    )
    access_step: int = Field(
        1000, ge=1, description="the requirement is rounded up to whole steps of so many tokens"
    )
    access_average_window: timedelta = Field(
        timedelta(hours=24), ge=timedelta(hours=1), description="over which the price is averaged, by time"
    )
    access_change: Decimal = Field(
        Decimal("0.05"),
        ge=0,
        lt=1,
        description="share by which the average must have moved since the last change for another one",
    )
    access_grace: timedelta = Field(
        timedelta(hours=72),
        gt=timedelta(0),
        description="after a raise, how long the former requirement suffices",
    )
    access_price_sources: tuple[PriceSourceName, ...] = Field(
        ("jupiter", "geckoterminal"), min_length=2, description="who is asked for the price; two must agree"
    )
    access_price_apart: Decimal = Field(
        Decimal("0.1"), gt=0, description="share by which sources may differ before none is believed"
    )
    access_price_jump: Decimal = Field(
        Decimal(10),
        gt=1,
        description="a price so many times the last one, or its part, is not believed for a window",
    )
    access_liquidity_min_usd: Decimal = Field(
        Decimal(1000), ge=0, description="US dollars of liquidity that Jupiter's price must have behind it"
    )
    access_balance_patience: timedelta = Field(
        timedelta(hours=24),
        gt=timedelta(0),
        description="how long a balance counts that cannot be verified again",
    )
