"""Parcels, as the contract in wit/world.wit has them: one for each order. Knows nothing of WASI."""

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import rates
from invalid import Invalid

WEIGHTS = {"coffee": 500, "kettle": 1400, "mug": 350, "tea": 120}
"""What one piece of each product weighs, in grams."""

REMEMBERED = 1000
"""How many orders are remembered. The oldest ones are forgotten."""


class Address(NamedTuple):
    """Where a parcel goes. The fields are those of the contract."""

    name: str
    street: str
    postcode: str
    city: str
    country: str


@dataclass(frozen=True)
class Parcel:
    """A parcel that is on its way."""

    id: str
    weight: int
    days: int
    repeated: bool


@dataclass
class Refused(Exception):
    """Why an order was not dispatched: a case of the contract, and its value if it has one."""

    case: str
    value: str | int | None = None


@dataclass(frozen=True)
class Dispatched:
    """What is remembered of an order."""

    address: Address
    items: list[tuple[str, int]]
    parcel: Parcel


class Parcels:
    """What was dispatched. `tell` is told of each effect, once."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        # By the number of the order; one that was called off has none.
        self._orders: OrderedDict[int, Dispatched | None] = OrderedDict()

    def dispatch(self, order: int, address: Address, items: list[tuple[str, int]]) -> Parcel:
        """Dispatches items, each with how many of it, unless the order was dispatched before. Raises Refused."""
        check(order, address)
        weight = weigh(items)
        if order in self._orders:
            return again(self._orders[order], address, items)
        _, _, days = rates.zone(address.country)
        parcel = Parcel(f"parcel-{secrets.token_hex(8)}", weight, days, repeated=False)
        self._remember(order, Dispatched(address, items, parcel))
        self._tell(f"dispatched order {order}")
        return parcel

    def cancel(self, order: int) -> None:
        """Calls a parcel back. An order that is not remembered may have been dispatched by another instance."""
        if order in self._orders and self._orders[order] is None:
            return
        self._remember(order, None)
        self._tell(f"cancelled order {order}")

    def _remember(self, order: int, dispatched: Dispatched | None) -> None:
        self._orders[order] = dispatched
        if len(self._orders) > REMEMBERED:
            self._orders.popitem(last=False)


def check(order: int, address: Address) -> None:
    if order < 1:
        raise Refused("wrong", "order: orders are numbered from 1")
    for field, value in address._asdict().items():
        if not value.strip():
            raise Refused("wrong", f"address.{field}: must not be empty")
    try:
        rates.parse_country(address.country)
    except Invalid as error:
        raise Refused("wrong", f"address.{error}") from error


def weigh(items: list[tuple[str, int]]) -> int:
    """What the items weigh together."""
    if not items:
        raise Refused("wrong", "items: a parcel has at least one item")
    weight = 0
    for sku, quantity in items:
        if sku not in WEIGHTS:
            raise Refused("unknown", sku)
        if quantity < 1:
            raise Refused("wrong", f"items: expected at least one {sku}")
        weight += WEIGHTS[sku] * quantity
    if weight > rates.HEAVIEST:
        raise Refused("too_heavy", rates.HEAVIEST)
    return weight


def again(before: Dispatched | None, address: Address, items: list[tuple[str, int]]) -> Parcel:
    """The answer for an order that was dispatched or called off before."""
    if before is None:
        raise Refused("called_off")
    if (before.address, before.items) != (address, items):
        raise Refused("dispatched", before.parcel.id)
    return replace(before.parcel, repeated=True)
