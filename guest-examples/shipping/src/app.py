"""The service as a WASI 0.2 component: hands every HTTP request to the API, dispatches orders for other services, and hears
of what happens in the shop.

`wit_world` is made by componentize-py from wit/world.wit. This module runs in the component only; the others run
anywhere, and are tested with any Python.
"""

from contextlib import suppress

from componentize_py_types import Err, Ok
from wit_world import exports
from wit_world.exports import parcels as contract
from wit_world.exports.message_handler import Outcome, Outcome_Acknowledge, Outcome_Reject
from wit_world.imports.messaging import Delivery, Message
from wit_world.imports.streams import InputStream, StreamError_Closed
from wit_world.imports.types import (
    Fields,
    IncomingRequest,
    Method,
    Method_Get,
    Method_Head,
    Method_Other,
    Method_Post,
    OutgoingBody,
    OutgoingResponse,
    ResponseOutparam,
)

import events
import parcels
from api import BODY_LIMIT, Reply, answer
from invalid import Invalid

DISPATCHED = parcels.Parcels(lambda line: print(line, flush=True))
"""What this instance dispatched."""

EVENTS = events.Events(lambda line: print(line, flush=True))
"""What this instance has heard of."""

PROBLEMS = {
    "wrong": contract.Problem_Wrong,
    "unknown": contract.Problem_Unknown,
    "too_heavy": contract.Problem_TooHeavy,
    "dispatched": contract.Problem_Dispatched,
    "called_off": contract.Problem_CalledOff,
}
"""The cases of the contract, by the names that `parcels` has for them."""


class Parcels(exports.Parcels):
    """What other services call: the functions of shop:shipping/parcels."""

    def dispatch(self, order: int, address: contract.Address, items: list[contract.Item]) -> contract.Parcel:
        to = parcels.Address(address.name, address.street, address.postcode, address.city, address.country)
        try:
            made = DISPATCHED.dispatch(order, to, [(item.sku, item.quantity) for item in items])
        except parcels.Refused as refused:
            raise Err(problem(refused)) from refused
        return contract.Parcel(made.id, made.weight, made.days, made.repeated)

    def cancel(self, order: int) -> None:
        DISPATCHED.cancel(order)


def problem(refused: parcels.Refused) -> contract.Problem:
    case = PROBLEMS[refused.case]
    return case() if refused.value is None else case(refused.value)


class MessageHandler(exports.MessageHandler):
    """What the host calls for every message of a topic that the service is subscribed to."""

    def handle(self, message: Message, delivery: Delivery) -> Outcome:
        try:
            EVENTS.hear(message.source, message.id, message.kind, message.data)
        except Invalid as error:
            # However often it comes, it will not be understood.
            return Outcome_Reject(str(error))
        return Outcome_Acknowledge()


class IncomingHandler(exports.IncomingHandler):
    """What the host calls for every request."""

    def handle(self, request: IncomingRequest, response_out: ResponseOutparam) -> None:
        path = request.path_with_query() or "/"
        send(answer(name(request.method()), path, read(request)), response_out)


def name(method: Method) -> str:
    match method:
        case Method_Get() | Method_Head():  # the host leaves the body of a HEAD out
            return "GET"
        case Method_Post():
            return "POST"
        case Method_Other(other):
            return other
        case _:
            return "other"


def read(request: IncomingRequest) -> bytes:
    """The whole body, or one byte more than the API takes."""
    body = bytearray()
    with request.consume() as incoming, incoming.stream() as stream:
        while len(body) <= BODY_LIMIT:
            chunk = next_chunk(stream)
            if not chunk:
                break
            body += chunk
    return bytes(body)


def next_chunk(stream: InputStream) -> bytes:
    try:
        return stream.blocking_read(16 * 1024)
    except Err as error:
        if isinstance(error.value, StreamError_Closed):
            return b""
        raise


def send(reply: Reply, response_out: ResponseOutparam) -> None:
    headers = {**reply.headers, "content-length": str(len(reply.body))}
    response = OutgoingResponse(Fields.from_list([(key, value.encode()) for key, value in headers.items()]))
    response.set_status_code(reply.status)
    body = response.body()
    ResponseOutparam.set(response_out, Ok(response))
    # A caller that went away, or that wanted the head only, is no failure of this service.
    with suppress(Err):
        write(body, reply.body)
        OutgoingBody.finish(body, None)


def write(body: OutgoingBody, content: bytes) -> None:
    at_once = 4096  # the most that one call takes
    with body.write() as stream:
        for start in range(0, len(content), at_once):
            stream.blocking_write_and_flush(content[start : start + at_once])
