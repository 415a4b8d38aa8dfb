"""The HTTP interface of the service: which request gets which reply."""

import json
from dataclasses import asdict, dataclass, field
from urllib.parse import parse_qs, urlsplit

import labels
import rates
from invalid import Invalid

BODY_LIMIT = 64 * 1024
"""The longest body that is read, in bytes."""

RATES = "/api/shipping/rates"
LABELS = "/api/shipping/labels"


@dataclass
class Reply:
    """A reply, ready to be sent."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def answer(method: str, path: str, body: bytes) -> Reply:
    """Answers a request. `path` is with the query."""
    url = urlsplit(path)
    try:
        if url.path == RATES:
            return show_rates(url.query) if method == "GET" else not_allowed("GET, HEAD")
        if url.path == LABELS:
            return make_label(body) if method == "POST" else not_allowed("POST")
    except Invalid as error:
        return problem(400, str(error))
    return problem(404, f"there is nothing at {url.path}; try {RATES} or {LABELS}")


def show_rates(query: str) -> Reply:
    parameters = {key: values[0] for key, values in parse_qs(query).items()}
    weight = rates.parse_weight(parameters.get("weight"))
    country = rates.parse_country(parameters.get("country"))
    return reply(200, [asdict(rate) for rate in rates.offered(weight, country)])


def make_label(body: bytes) -> Reply:
    if len(body) > BODY_LIMIT:
        return problem(413, "a label request has at most 64 KiB")
    try:
        request = json.loads(body)
    except ValueError as error:  # of JSON, or of UTF-8
        raise Invalid(f"the body is no JSON: {error}") from error
    return reply(201, labels.make(request))


def not_allowed(allow: str) -> Reply:
    refused = problem(405, f"this path answers to {allow}")
    refused.headers["allow"] = allow
    return refused


def problem(status: int, detail: str) -> Reply:
    """What went wrong, as application/problem+json (RFC 9457)."""
    return reply(status, {"status": status, "detail": detail}, "application/problem+json")


def reply(status: int, content: object, kind: str = "application/json") -> Reply:
    return Reply(status, json.dumps(content).encode(), {"content-type": kind})
