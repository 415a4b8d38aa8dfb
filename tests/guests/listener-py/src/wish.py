"""What the data of a message ask for, in words: the first one says what, the others with what."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Wish:
    """What is to be done. What it does not need is left empty."""

    what: str
    topic: str = ""
    id: str = ""
    wanted: int = 0
    ms: int = 0
    data: str = ""


def read(data: bytes) -> Wish:
    """Reads the data of a message."""
    what, _, rest = data.decode().partition(" ")
    match what:
        case "retry" | "trap":
            return Wish(what)
        case "publish":
            topic, id, text = rest.split(" ", 2)
            return Wish(what, topic=topic, id=id, data=text)
        case "ask":
            topic, wanted, ms, text = rest.split(" ", 3)
            return Wish(what, topic=topic, wanted=int(wanted), ms=int(ms), data=text)
        case "answer":
            return Wish(what, data=rest)
        case _:
            return Wish("acknowledge")
