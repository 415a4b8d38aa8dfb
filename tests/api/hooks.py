"""What Schemathesis does not know by itself of the admin API."""

import schemathesis
from hypothesis import strategies


@schemathesis.serializer("application/wasm")
def component(_context, value):
    """The body of an upload: bytes, whatever they are."""
    return value if isinstance(value, bytes) else str(value).encode()


schemathesis.openapi.media_type("application/wasm", strategies.binary(max_size=256))
