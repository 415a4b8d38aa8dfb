"""What happens elsewhere in the shop, and what shipping makes of it. Knows nothing of WASI."""

import json
from collections import OrderedDict
from collections.abc import Callable

from invalid import Invalid

ORDER_CREATED = "OrderCreated"

REMEMBERED = 1000
"""How many events are remembered. The oldest ones are forgotten."""


class Events:
    """What was heard of. `tell` is told of each event, once: events come at least once, and may come again."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._seen: OrderedDict[tuple[str, str], None] = OrderedDict()

    def hear(self, source: str, id: str, kind: str, data: bytes) -> None:
        """Takes note of an event; source and id name it. Raises Invalid for one that can never be understood."""
        if kind != ORDER_CREATED or (source, id) in self._seen:
            return
        order, user = parse(data)
        self._tell(f"order {order} of user {user} is to be packed")
        self._seen[source, id] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)


def parse(data: bytes) -> tuple[int, int]:
    """The numbers of the order and of its user."""
    try:
        event = json.loads(data)
    except ValueError as error:  # of JSON, or of UTF-8
        raise Invalid(f"the data are no JSON: {error}") from error
    if not isinstance(event, dict):
        raise Invalid("expected a JSON object")
    return number(event, "orderId"), number(event, "userId")


def number(event: dict[str, object], field: str) -> int:
    value = event.get(field)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise Invalid(f"{field}: expected a whole number from 1")
    return value
