"""What a person called a message, for the memory of senders and texts: `gatepost learn` beside the words themselves.

Nothing in a stored message says by itself who sent it. But a message that went through this site carries a verdict signed with
the site's key, and above it the Authentication-Results that were written in the same moment, after every copy from outside had
been taken off. Only such a message teaches about its sender; any message teaches about its text, which needs no sender.

A label is a label once: what it added is kept under its id, so that another label replaces it and `--undo` takes it back,
faded as the tally itself has faded since.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from gatepost.effects.headers import HeaderWriter
from gatepost.evidence import Evidence, Found, Status
from gatepost.mail import limits
from gatepost.mail.authres import read_results
from gatepost.mail.envelope import Client, Envelope, IpAddress
from gatepost.mail.message import Message
from gatepost.world.seen.campaigns import label_keys
from gatepost.world.seen.lessons import LABEL_WEIGHT, Kind, marks
from gatepost.world.seen.traces import traces
from gatepost.world.state.door import Ask, Get, Mark, Put, State
from gatepost.world.state.keys import identities
from gatepost.world.state.keys import key as make_key

_KEPT_HALF_LIVES: Final = 8
_LABELS: Final = {"ham": Kind.WANTED, "spam": Kind.SPAM, "phish": Kind.PHISH}


@dataclass(frozen=True, slots=True)
class Label:
    """A label on one message: its id (that of the lesson), the word ham, spam or phish, and the keys that it speaks about."""

    id: str
    word: str
    keys: tuple[str, ...]


def keys_behind(message: Message, writer: HeaderWriter) -> tuple[str, ...]:
    """Give the keys that a label on a message speaks about: its text's, and its sender's and links' where our verdict stands.

    Takes the message with its visible text laid open, and the site's header writer, which knows the site's name and key.
    """
    texts = label_keys(message.bands)
    if not any(writer.is_ours(field.value) for field in message.every(b"x-gatepost-verdict")):
        return texts
    envelope, found = _as_received(message, writer.authserv_id)
    who = [each.key for each in identities(envelope, found)]
    return (*texts, *who, *(each.key for each in traces(envelope, message, found)))


def teach(state: State, labels: Iterable[Label], now: float, half_life: float) -> None:
    """Add labels to the tallies, each in the place of an earlier one on the same message; two round trips.

    Takes Unix time and the store's half-life in seconds. Raises StateUnavailableError.
    """
    given = list({label.id: label for label in labels}.values())  # Of several on one message the last one holds.
    earlier = state.exchange([Get(_place(label.id)) for label in given])
    asks: list[Ask] = []
    for label, data in zip(given, earlier, strict=True):
        asks += _taken_back(data if isinstance(data, bytes) else None, now, half_life)
        record, keys = _record(label, now)
        asks += [each for key in keys for each in marks(key, _LABELS[label.word], LABEL_WEIGHT)]
        asks.append(Put(_place(label.id), record, int(half_life * _KEPT_HALF_LIVES) + 1))
    state.exchange(asks)


def take_back(state: State, ids: Sequence[str], now: float, half_life: float) -> None:
    """Take labels out of the tallies again; an unknown id is no error. Two round trips; raises StateUnavailableError."""
    earlier = state.exchange([Get(_place(each)) for each in ids])
    asks: list[Ask] = []
    for each, data in zip(ids, earlier, strict=True):
        if isinstance(data, bytes):
            asks += [*_taken_back(data, now, half_life), Put(_place(each), b"", 1)]
    state.exchange(asks)


def _as_received(message: Message, authserv_id: str) -> tuple[Envelope, Found]:
    """Give who sent a message by our own Authentication-Results, the topmost of our name."""
    for field in message.every(b"authentication-results"):
        results = read_results(field.value)
        if results is None or results.authserv_id != authserv_id.lower().rstrip("."):
            continue
        passed = [
            Evidence(result.method, f"{result.method}.pass", Status.PASS, facts=result.properties)
            for result in results.results
            if result.word == "pass"
        ]
        place = next((text for result in results.results if (text := result.properties.get("policy.iprev"))), "")
        return Envelope(client=Client(ip=_address(place))), Found(tuple(passed))
    return Envelope(), Found()


def _address(text: str) -> IpAddress | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _place(label_id: str) -> str:
    return make_key("label", label_id)


def _record(label: Label, now: float) -> tuple[bytes, tuple[str, ...]]:
    """Give what is kept of a label, and the keys it adds to: as many as can be taken back again."""
    keys = label.keys
    while True:
        record = json.dumps([label.word, int(now), *keys], separators=(",", ":")).encode()
        if len(record) <= limits.STATE_VALUE_BYTES:
            return record, keys
        keys = keys[:-1]


def _taken_back(record: bytes | None, now: float, half_life: float) -> Iterator[Mark]:
    """Give what takes out what a label added; nothing for a record that is none."""
    try:
        word, then, *keys = json.loads(record or b"")
        kind, age = _LABELS[word], max(0.0, now - float(then))
    except (KeyError, OverflowError, RecursionError, TypeError, ValueError):
        return
    for each in keys:
        yield from marks(str(each), kind, -LABEL_WEIGHT * 0.5 ** (age / half_life))
