"""Labels: a parcel of an order that is ready to go."""

import secrets

import rates
from invalid import Invalid


def make(request: object) -> dict[str, object]:
    """Makes the label that a caller asks for. Raises Invalid."""
    if not isinstance(request, dict):
        raise Invalid("expected a JSON object")
    order = request.get("orderId")
    if isinstance(order, bool) or not isinstance(order, int) or order < 1:
        raise Invalid("orderId: expected a whole number from 1")
    weight = rates.parse_weight(request.get("weight"))
    country = rates.parse_country(request.get("country"))
    offered = {rate.service: rate for rate in rates.offered(weight, country)}
    rate = offered.get(str(request.get("service", "standard")))
    if rate is None:
        raise Invalid(f"service: expected one of {', '.join(offered)}")
    # Not from `random`: its state is made when the component is built, and is the same in every instance.
    label = f"label-{secrets.token_hex(8)}"
    return {"labelId": label, "orderId": order, "service": rate.service, "amount": rate.amount, "currency": rate.currency}
