"""The shapes in which BingX shows contracts, orders, trades and positions."""

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from sandbox.coins import Coin
from sandbox.trading import Fill, Order, Position

CHINA = timezone(timedelta(hours=8))
NO_LEG = {"type": "", "quantity": 0, "stopPrice": 0, "price": 0, "workingType": ""}


def show_contract(number: int, symbol: str, coin: Coin) -> dict[str, Any]:
    """What a contract is: its steps, least sizes and fees."""
    least = f"{10.0**-coin.volume_decimals:.{coin.volume_decimals}f}"
    return {
        "contractId": str(number),
        "symbol": symbol,
        "size": least,
        "quantityPrecision": coin.volume_decimals,
        "pricePrecision": coin.price_decimals,
        "feeRate": 0.0005,
        "makerFeeRate": 0.0002,
        "takerFeeRate": 0.0005,
        "tradeMinLimit": 0,
        "tradeMinQuantity": least,
        "tradeMinUSDT": 2,
        "maxLongLeverage": 125,
        "maxShortLeverage": 125,
        "currency": "USDT",
        "asset": coin.symbol,
        "status": 1,
        "apiStateOpen": "true",
        "apiStateClose": "true",
        "ensureTrigger": True,
        "triggerFeeRate": "0.00020000",
    }


def show_order(order: Order) -> dict[str, Any]:
    """One order, as every question about orders shows it."""
    return {
        "symbol": order.symbol,
        "orderId": order.id,
        "side": order.side,
        "positionSide": order.position_side,
        "type": order.type,
        "origQty": text(order.quantity),
        "price": text(order.price),
        "executedQty": text(order.filled),
        "avgPrice": text(order.average),
        "cumQuote": text(order.turnover),
        "stopPrice": text(order.stop_price) if order.stop_price else "",
        "profit": text(order.profit),
        "commission": text(-order.fee),
        "status": order.status,
        "time": order.created_at,
        "updateTime": order.updated_at,
        "clientOrderId": order.client_id,
        "leverage": "",
        "takeProfit": NO_LEG,
        "stopLoss": NO_LEG,
        "advanceAttr": 0,
        "positionID": 0,
        "takeProfitEntrustPrice": 0,
        "stopLossEntrustPrice": 0,
        "orderType": "",
        "workingType": "MARK_PRICE",
        "onlyOnePosition": order.position_side == "BOTH",
        "reduceOnly": order.reduce_only
        and order.parent is None,  # a stop or target of an entry does not say so
        "triggerOrderId": order.parent or 0,
    }


def show_fill(fill: Fill) -> dict[str, Any]:
    """One trade, as `fillHistory` has it. `filledTime` is China's time and says so."""
    return {
        "symbol": fill.order.symbol,
        "tradeId": str(fill.id),
        "orderId": str(fill.order.id),
        "side": fill.order.side,
        "positionSide": fill.order.position_side,
        "role": "maker" if fill.maker else "taker",
        "price": text(fill.price),
        "qty": text(fill.quantity),
        "quoteQty": text(fill.price * fill.quantity),
        "commission": text(-fill.fee),
        "commissionAsset": "USDT",
        "realisedPNL": text(fill.profit),
        "filledTime": _show_china_time(fill),
    }


def show_fill_without_number(fill: Fill) -> dict[str, Any]:
    """One trade, as `allFillOrders` has it: without its number and its side.

    `filledTm` is the hour of China as well, and says Z, which is not so.
    """
    at = _show_china_time(fill)
    return {
        "filledTm": f"{at.partition('.')[0]}Z",
        "volume": text(fill.quantity),
        "price": text(fill.price),
        "amount": text(fill.price * fill.quantity),
        "commission": text(-fill.fee),
        "currency": "USDT",
        "orderId": str(fill.order.id),
        "liquidatedPrice": "",
        "liquidatedMarginRatio": "",
        "filledTime": at,
        "clientOrderID": fill.order.client_id,
        "symbol": fill.order.symbol,
        "onlyOnePosition": fill.order.position_side == "BOTH",
    }


def _show_china_time(fill: Fill) -> str:
    at = datetime.fromtimestamp(fill.at / 1000, CHINA)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}+0800"


def show_position(
    symbol: str, position_side: str, position: Position, price: Decimal, leverage: int
) -> dict[str, Any]:
    """One position, at this price."""
    size = abs(position.size)
    return {
        "positionId": f"{symbol}-{position_side}",
        "symbol": symbol,
        "currency": "USDT",
        "positionAmt": text(size),
        "availableAmt": text(size),
        "positionSide": "LONG" if position.size > 0 else "SHORT",
        "isolated": False,
        "avgPrice": text(position.entry),
        "initialMargin": text(size * position.entry / leverage),
        "margin": text(size * position.entry / leverage),
        "leverage": leverage,
        "unrealizedProfit": text(position.size * (price - position.entry)),
        "realisedProfit": text(position.realised),
        "liquidationPrice": 0,
        "markPrice": text(price),
        "positionValue": text(size * price),
        "onlyOnePosition": position_side == "BOTH",
        "updateTime": position.updated_at,
    }


def text(number: Decimal) -> str:
    """A number as BingX writes it: without an exponent."""
    return f"{number:f}"
