"""A service that handles messages with the draft of WASI. It does with them what they say."""

from collections.abc import Callable

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import producer, request_reply, types

import wish

NOTES: list[str] = []


class Notes(exports.Notes):
    """The functions of test:listener/notes."""

    def take(self) -> str:
        text = "\n".join(NOTES)
        NOTES.clear()
        return text


class IncomingHandler(exports.IncomingHandler):
    """What the host calls for every message."""

    def handle(self, message: types.Message) -> None:
        NOTES.append(dict(message.metadata() or []).get("ce-id", "no id"))
        wanted = wish.read(message.data())
        match wanted.what:
            case "retry":
                raise Err(types.Error_Other("as it was asked to"))
            case "trap":
                raise RuntimeError("as it was asked to")
            case "publish":
                note(lambda: send(wanted))
            case "ask":
                note(lambda: ask(wanted))
            case "answer":
                note(lambda: request_reply.reply(message, publication(wanted.data)))


def send(wanted: wish.Wish) -> None:
    producer.send(types.Client.connect("default"), wanted.topic, publication(wanted.data, wanted.id))


def ask(wanted: wish.Wish) -> str:
    options = request_reply.RequestOptions()
    options.set_timeout_ms(wanted.ms)
    options.set_expected_replies(wanted.wanted)
    client = types.Client.connect("default")
    answers = request_reply.request(client, wanted.topic, publication(wanted.data), options)
    return ", ".join(answer.data().decode() for answer in answers)


def publication(data: str, id: str = "") -> types.Message:
    message = types.Message(data.encode())
    message.set_content_type("text/plain")
    message.add_metadata("ce-type", "Told")
    message.add_metadata("h", "1")
    if id:
        message.add_metadata("ce-id", id)
    return message


def note(act: Callable[[], str | None]) -> None:
    """Notes what comes of something that may fail."""
    try:
        NOTES.append(f"ok {act() or ''}")
    except Err as error:
        tag = type(error.value).__name__.removeprefix("Error_")
        NOTES.append(f"{tag} {getattr(error.value, 'value', '')}")
