"""What memory is worth: judge a pack in its order of arrival with each part of memory on and off.

    python tests/bench/simulate_memory.py PACK... [--model MODEL] [--limit N] [--labels-share F] [--proven RULE] [--json]

Each message is judged by the content check and by the site's memory, decided upon by the default policy, and then remembered, as
a live site does; the clock follows the Date fields (the median of neighbours), never backwards. A row for each choice of parts: spam and phish marked
(score 5 and more), ham marked, both with what that is above or below the row without memory.

What the packs do not say is put in its place, and that bounds what the figures mean:

- **No client address** is in the data, so nothing is learned of addresses and networks. A made-up network for each From domain
  only tells the senders of a campaign apart.
- **No authentication** is in the data. `--proven message-id` (the default) takes a From domain for authenticated where the
  Message-ID is of the same registrable domain, which is true of most real mail and of some spam; `all` believes every From,
  which is the worst case for reputation; `none` believes nobody.
- **No outbound mail** is in the data. Where a message of anybody answers a Message-ID under a domain of the recipients
  (those of the first hundred messages), that message counts as sent by the recipient, to its author, before.

`--labels-share` is the share of messages that people label when they arrive (drawn by a fixed seed), for the last row.
A model that has learned from a pack knows it by heart and leaves memory nothing to do: give one that has not
(`gatepost train --packs PACKS --without PACK --quick --out DIR`).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import statistics
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from ipaddress import IPv4Address, IPv4Network
from itertools import islice
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from gatepost.checks.content.family import Settings as ClassifierSettings
from gatepost.checks.content.family import build as build_content
from gatepost.checks.reputation.family import Memory, Settings, build
from gatepost.decision.decide import decide
from gatepost.decision.policy import Policy
from gatepost.effects.remember import Kept, Remembering
from gatepost.effects.teach import Label, teach
from gatepost.evidence import Evidence, Found, Status
from gatepost.mail.address import Address, author, parse_path
from gatepost.mail.envelope import Client, Direction, Envelope
from gatepost.mail.message import Message, from_bytes
from gatepost.mail.suffix import registrable
from gatepost.training.corpus import read_pack
from gatepost.world.clock import FakeClock
from gatepost.world.dns.fake import FakeDns
from gatepost.world.seen.campaigns import label_keys
from gatepost.world.seen.people import People, answered, message_id
from gatepost.world.seen.secret import Secret
from gatepost.world.seen.traces import link
from gatepost.world.state.door import Put
from gatepost.world.state.keys import identities
from gatepost.world.state.memory import MemoryState

DAY: Final = 86_400
HALF_LIFE: Final = 30.0 * DAY
KEPT: Final = Kept(180 * DAY, 60 * DAY, DAY, 36 * DAY, 36 * DAY)
SEED: Final = 2611
NOWHERE: Final = (IPv4Network("240.0.0.0/4"),)
"""Reserved (RFC 1112 4): nobody's network, and the one that clients seem to come from here."""
PARTS: Final = {
    "reputation": ("sender.", "reputation."),
    "correspondents": ("correspondent.",),
    "campaigns": ("campaign.",),
}
CHOICES: Final[Sequence[tuple[str, tuple[str, ...]]]] = (
    ("no memory", ()),
    *((f"{part} alone", (part,)) for part in PARTS),
    ("all of memory", tuple(PARTS)),
)


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message as it arrives: when, from whom, what content makes of it, and what people would call it."""

    at: float
    envelope: Envelope
    message: Message
    before: tuple[Evidence, ...]
    label: str


@dataclass(slots=True)
class Count:
    """Messages of each label, and how many of them were marked."""

    seen: Counter[str]
    marked: Counter[str]

    def share(self, *labels: str) -> float:
        """Give the share of such messages that were marked."""
        return sum(self.marked[each] for each in labels) / max(1, sum(self.seen[each] for each in labels))


def arrivals(pack: Path, model: str, limit: int, proven: str) -> list[Arrival]:
    """Read the beginning of a pack, judge its content once, and drop the bytes that nobody asks for again."""
    check = build_content(ClassifierSettings(model=model))
    found: list[Arrival] = []
    for sample in islice(read_pack(pack), limit):
        message = from_bytes(sample.data)
        envelope, proof = _sender(message, proven)
        said = check.run(envelope, message, Found())
        kept = Message(tuple(each for each in message.headers if each.key in _ASKED))
        kept.show(message.shown)
        kept.lay_open(message.inner)
        found.append(Arrival(_time(message), envelope, kept, (*proof, *said), sample.label))
    return [replace(each, at=at) for each, at in zip(found, _in_order([each.at for each in found]), strict=True)]


def _in_order(times: Sequence[float]) -> Iterator[float]:
    """Give times that never go back: of each the median with its neighbours, because spam is often dated ahead."""
    latest = 0.0
    for place in range(len(times)):
        latest = max(latest, statistics.median(times[max(0, place - _NEIGHBOURS) : place + _NEIGHBOURS + 1]))
        yield latest


_NEIGHBOURS: Final = 25
_ASKED: Final = frozenset({b"from", b"message-id", b"in-reply-to", b"references", b"precedence", b"auto-submitted"})


def _time(message: Message) -> float:
    """Give the Unix time of the Date field, that of 2007 where there is none that can be read."""
    try:
        return parsedate_to_datetime(message.text(b"date")).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return 1_176_000_000.0


def _sender(message: Message, proven: str) -> tuple[Envelope, tuple[Evidence, ...]]:
    """Give a made-up envelope, and the proof of the From domain where there shall be one."""
    writer = author(message.headers).mailbox
    domain = registrable(writer.domain) if writer else ""
    digest = hashlib.blake2b(domain.encode(), digest_size=3).digest()
    client = Client(ip=IPv4Address(bytes((240, *digest[:2], 1))))
    to = parse_path(message.text(b"to").partition(",")[0].rpartition("<")[2].partition(">")[0].encode())
    recipients = (to,) if to and to.domain else (Address("somebody", "here.example"),)
    envelope = Envelope(client=client, sender=writer, recipients=recipients, direction=Direction.INBOUND)
    same = registrable(message_id(message).rpartition("@")[2]) == domain
    if not domain or proven == "none" or (proven == "message-id" and not same):
        return envelope, ()
    return envelope, (Evidence("dmarc", "dmarc.pass", Status.PASS, facts={"header.from": domain}),)


def simulate(mail: Sequence[Arrival], parts: tuple[str, ...], labels_share: float = 0.0) -> Count:
    """Let the messages arrive at a site with some parts of memory; gives what it marked."""
    clock = FakeClock(mail[0].at)
    state = MemoryState(clock, half_life=HALF_LIFE, entries=5_000_000)
    people, policy, draw = People(Secret(b"simulation")), Policy(), random.Random(SEED)
    memory, _ = build(Memory(Settings(exempt_networks=NOWHERE)), state, FakeDns(), people, clock)
    remembering = Remembering(state, people, KEPT, NOWHERE)
    heard = tuple(prefix for part in parts for prefix in PARTS[part])
    local = {registrable(each.envelope.recipients[0].domain) for each in mail[:100]}
    count = Count(Counter(), Counter())
    for arrival in mail:
        clock.advance(arrival.at - clock.now())
        for put in _sent_before(arrival, people, local):
            state.exchange([put])
        said = memory.run(arrival.envelope, arrival.message, Found(arrival.before)) if parts else ()
        # What is switched off is not heard; what tells who is unknown is needed by campaigns all the same.
        weighed = (*arrival.before, *(item for item in said if item.code.startswith(heard)))
        verdict = decide(policy, Direction.INBOUND, weighed)
        count.seen[arrival.label] += 1
        count.marked[arrival.label] += verdict.score >= policy.thresholds.tag
        if parts:
            remembering(arrival.envelope, arrival.message, (*arrival.before, *said), verdict)
        if draw.random() < labels_share:
            teach(state, [_label(arrival)], clock.now(), HALF_LIFE)
    return count


def _sent_before(arrival: Arrival, people: People, local: set[str]) -> Iterator[Put]:
    """Give what the site would remember of the message of its own that this one answers."""
    recipient = arrival.envelope.recipients[0]
    for each in answered(arrival.message):
        if registrable(each.rpartition("@")[2]) in local:
            yield Put(people.sent(each), people.person(recipient).encode(), KEPT.sent)
            if arrival.envelope.sender:
                yield Put(people.pair(recipient, arrival.envelope.sender.spec), b"1", KEPT.correspondent)


def _label(arrival: Arrival) -> Label:
    """Give what `gatepost learn` would write: on the text, the proven sender, and the links."""
    who = identities(arrival.envelope, Found(arrival.before), NOWHERE)
    links = (link(domain).key for domain in arrival.message.link_domains)
    name = hashlib.blake2b(
        "".join(arrival.message.bands).encode() or str(arrival.at).encode(), digest_size=10
    ).hexdigest()
    return Label(name, arrival.label, (*label_keys(arrival.message.bands), *(each.key for each in who), *links))


def rows(mail: Sequence[Arrival], labels_share: float) -> Iterator[tuple[str, Count]]:
    """Give each choice of parts with what it marked."""
    for name, parts in CHOICES:
        yield name, simulate(mail, parts)
    yield f"all, {labels_share:.0%} labelled", simulate(mail, tuple(PARTS), labels_share)


def main() -> int:
    """Simulate each pack and print a table, or one JSON object a row."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("packs", nargs="+", type=Path)
    parser.add_argument("--model", default="base")
    parser.add_argument("--limit", type=int, default=6_000, help="messages of each pack, from its beginning")
    parser.add_argument("--labels-share", type=float, default=0.02)
    parser.add_argument("--proven", choices=("message-id", "all", "none"), default="message-id")
    parser.add_argument("--json", action="store_true", help="one JSON object a row")
    args = parser.parse_args()
    for pack in args.packs:
        mail = arrivals(pack, args.model, args.limit, args.proven)
        proven = sum(any(item.check == "dmarc" for item in each.before) for each in mail)
        if not args.json:
            print(
                f"{pack.name}: {len(mail)} messages, {proven} with a proven author ({args.proven}), model {args.model}"
            )
            print(f"{'memory':28} {'unwanted marked':>18} {'ham marked':>18}")
        base: Count | None = None
        for name, count in rows(mail, args.labels_share):
            base = base or count
            caught, wrong = count.share("spam", "phish"), count.share("ham")
            if args.json:
                print(
                    json.dumps(
                        {"pack": pack.name, "memory": name, "unwanted": caught, "ham": wrong, "seen": count.seen}
                    )
                )
                continue
            more, worse = caught - base.share("spam", "phish"), wrong - base.share("ham")
            print(f"{name:28} {caught:9.2%} {more:+8.2%} {wrong:9.3%} {worse:+8.3%}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
