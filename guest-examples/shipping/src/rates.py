"""What shipping costs."""

from dataclasses import dataclass

from invalid import Invalid

HEAVIEST = 31_500
"""The heaviest parcel, in grams."""

EUROPE = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split()
)


@dataclass(frozen=True)
class Rate:
    """One way to send a parcel. `amount` is in cents."""

    service: str
    amount: int
    currency: str
    days: int


def offered(weight: int, country: str) -> list[Rate]:
    """The ways to send `weight` grams to a country, the cheapest first."""
    base, per_kilogram, days = zone(country)
    kilograms = -(-weight // 1000)
    standard = base + per_kilogram * kilograms
    return [
        Rate("standard", standard, "EUR", days),
        Rate("express", standard * 2 + 500, "EUR", max(1, days // 2)),
    ]


def zone(country: str) -> tuple[int, int, int]:
    """Base price and price of a kilogram in cents, and days on the way."""
    if country == "DE":
        return 390, 100, 2
    if country in EUROPE:
        return 990, 150, 4
    return 1990, 600, 10


def parse_weight(value: object) -> int:
    """A weight in grams: a number, or its digits in a query."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= HEAVIEST:
        raise Invalid(f"weight: expected whole grams from 1 to {HEAVIEST}")
    return value


def parse_country(value: object) -> str:
    """A country by ISO 3166-1: two capital letters."""
    if isinstance(value, str) and len(value) == 2 and value.isascii() and value.isalpha() and value.isupper():
        return value
    raise Invalid("country: expected two capital letters, such as DE")
