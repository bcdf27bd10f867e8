"""Where the parts meet: config and doors in, a working pipeline out."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import gatepost
from gatepost.arrival.judge import Answer, Kind, Listener
from gatepost.checks.attachments import family as attachments
from gatepost.checks.attachments.check import AttachmentCheck
from gatepost.checks.auth import family as auth
from gatepost.checks.check import Check
from gatepost.checks.content import family as content
from gatepost.checks.content.classifier import ContentCheck
from gatepost.checks.content.model import ModelError
from gatepost.checks.reputation import family as reputation
from gatepost.checks.virus import family as virus
from gatepost.effects import text
from gatepost.effects.headers import HeaderWriter
from gatepost.effects.reply import reply
from gatepost.ledger.sinks import LogSink
from gatepost.mail.envelope import Direction, Envelope
from gatepost.mail.header import Header
from gatepost.mail.message import Message
from gatepost.pipeline import Pipeline
from gatepost.service import places, privileges
from gatepost.service.config import Config, Loaded, load
from gatepost.service.doors import (
    AssemblyError,
    Doors,
    ReplayDoors,
    hand_over,
    live_doors,
    replay_doors,
    site_key,
    site_state,
)
from gatepost.service.organs import organs
from gatepost.service.remembering import people, remembering
from gatepost.service.worker import Snapshot
from gatepost.verdict import Accept, Defer, Edit, Outcome, Quarantine, Reject, Verdict
from gatepost.world.clock import SystemClock
from gatepost.world.dns.door import Question, RecordType, Resolver
from gatepost.world.dns.names import reverse_name
from gatepost.world.scanner.door import Scanner
from gatepost.world.scanner.head_start import HeadStart, at_hand
from gatepost.world.state.door import State
from gatepost.world.state.opening import state_file

_ID_BYTES: Final = 8
_log: Final = logging.getLogger(__name__)
_PROBE_SECONDS: Final = 1.0
"""How long a start waits to learn whether the resolver answers."""


def lineup(config: Config, doors: Doors, key: bytes = b"", *, live: bool = False) -> tuple[Check, ...]:
    """Give the checks in the order in which they run. Raises AssemblyError for a model or a list that cannot be used.

    Authentication comes before reputation, which believes only authenticated names; attachments are laid open before all that
    reads what is in them; the content, whose text and links reputation knows again, before it; bulk mail is judged by all of
    them. On a `live` site the classifier counts what it sees. `key` is the site's.
    """
    try:
        opinion = content.build(config.classifier)
        opened = attachments.build(config.attachments, doors.unpacker or attachments.open_unpacker(config.attachments))
    except (ModelError, attachments.HashListError) as error:
        raise AssemblyError(str(error)) from None
    opinion = content.taught(opinion, config.classifier, doors.lessons or doors.state, doors.clock)
    if live:
        opinion = content.watched(opinion, doors.state, doors.clock)
    before = (
        *auth.build(config.auth, doors.resolver, doors.clock),
        *opened,
    )
    return (
        *before,
        *virus.build(config.virus, doors.scanners, doors.state, [check.name for check in before]),
        opinion,
        content.EnclosedCheck(opinion),
        *reputation.build(config.memory(), doors.state, doors.resolver, people(config, doors.state, key), doors.clock),
        content.BulkCheck(),
    )


def _writer(config: Config, key: bytes) -> HeaderWriter:
    return HeaderWriter(
        config.milter.authserv_id,
        config.thresholds.tag,
        key,
        trusted_ids=config.auth.authserv_ids,
        received_spf=config.headers.received_spf,
    )


def pipeline(loaded: Loaded, doors: Doors, key: bytes, *, live: bool) -> Pipeline:
    """Give the pipeline of a site. A `live` one counts, remembers and logs; a replayed one only judges."""
    config = loaded.config
    checks = lineup(config, doors, key, live=live)
    base = Pipeline(
        lineup=checks,
        policy=config.policy(),
        headers=_writer(config, key),
        clock=doors.clock,
        new_id=partial(secrets.token_hex, _ID_BYTES),
        seconds=config.milter.message_seconds,
        shares=auth.SHARES,
        versions={
            "gatepost": gatepost.__version__,
            "config": loaded.version,
            "model": content.find_model(config.classifier.model).name,
        },
    )
    if not live:
        return base
    gate = reputation.build_gate(config.memory(), doors.state)
    after = remembering(config, doors.state, people(config, doors.state, key))
    return replace(base, gate=gate, after=after, unknown=after.unknown_recipient, sink=LogSink())


@dataclass(frozen=True, slots=True)
class SiteJudge:
    """The pipeline as stage 1 sees it."""

    pipeline: Pipeline
    resolver: Resolver
    scanner: Scanner | None = None

    def warm(self, envelope: Envelope) -> None:
        """Ask early for what the checks will want to know: the client's name, the sender's SPF record, DNS lists."""
        if envelope.direction is Direction.INBOUND:
            self.resolver.prefetch(early_questions(envelope))
            for check in self.pipeline.lineup:
                if isinstance(check, reputation.DnsListCheck):
                    self.resolver.prefetch(check.foreseen(envelope))

    def refused(self, envelope: Envelope) -> None:
        """Take note that a client named a recipient who does not exist."""
        self.pipeline.refused(envelope)

    def foresee(self, field: Header) -> None:
        """Ask early for the DMARC record of a From field and the key of a signature."""
        self.resolver.prefetch(auth.foreseen(field))

    def admit(self, envelope: Envelope) -> Outcome:
        """Answer at RCPT."""
        return self.pipeline.admit(envelope)

    def listen(self, envelope: Envelope) -> HeadStart | None:  # noqa: ARG002  mail of every direction is scanned
        """Begin to scan a large message while it arrives."""
        stream = self.scanner.begin() if self.scanner else None
        return HeadStart(stream) if stream else None

    def judge(self, envelope: Envelope, message: Message, heard: Listener | None = None) -> Verdict:
        """Answer at the end of a message."""
        with at_hand(heard if isinstance(heard, HeadStart) else HeadStart()):
            return self.pipeline.judge(envelope, message).verdict

    def clean(self, envelope: Envelope, message: Message) -> tuple[Edit, ...]:
        """Take forged verdicts out of mail from outside that passes unjudged."""
        return tuple(self.pipeline.headers.removals(message)) if envelope.direction is Direction.INBOUND else ()


def early_questions(envelope: Envelope) -> Iterable[Question]:
    """Give the DNS questions that the envelope alone lets us foresee."""
    if envelope.client.ip is not None:
        yield Question(reverse_name(envelope.client.ip), RecordType.PTR)
    domain = envelope.sender.domain if envelope.sender else envelope.client.helo
    if domain:
        yield Question(domain, RecordType.TXT)


def answer(outcome: Outcome) -> Answer:
    """Give an outcome in the words of the milter protocol."""
    words = reply(outcome)
    rcode, xcode, lines = (str(words.code), words.status, (words.text,)) if words else ("", "", ())
    match outcome:
        case Accept():
            return Answer(Kind.ACCEPT)
        case Quarantine(reason=why):
            return Answer(Kind.ACCEPT, quarantine=text.line(why, 100))
        case Defer():
            return Answer(Kind.TEMPFAIL, rcode, xcode, lines)
        case Reject():
            return Answer(Kind.REJECT, rcode, xcode, lines)


def replay_pipeline(loaded: Loaded, doors: ReplayDoors) -> Pipeline:
    """Give the pipeline for stored mail: nothing is counted, learned or logged. Raises AssemblyError."""
    seen = replay_doors(loaded.config, doors)
    return pipeline(loaded, seen, secrets.token_bytes(32), live=False)


def learning_writer(loaded: Loaded) -> HeaderWriter:
    """Give what knows this site's own verdict headers again. Raises AssemblyError, one line."""
    return _writer(loaded.config, site_key(loaded.config, places.state_directory()))


def refusals(loaded: Loaded) -> Iterator[str]:
    """Give a line for everything that a valid config names and snapshot() would refuse; opens no store and writes nothing.

    Left out is what depends on who asks: whether the workers may become their account, and where the embedded store may be
    kept.
    """
    config = loaded.config
    yield from privileges.refusals(config.milter)
    yield from content.refusals(config.classifier)
    yield from attachments.refusals(config.attachments)
    directory = places.state_directory()
    if config.state.url and state_file(config.state, directory / "state.sqlite") is None:
        # No file: a Redis, which is only connected to later, or an address that is refused at once.
        try:
            site_state(config, directory, SystemClock()).close()
        except AssemblyError as error:
            yield str(error)


def snapshot(config_path: Path | None, overrides: Mapping[str, object]) -> Snapshot:
    """Build everything the daemon needs, before it forks. Raises ConfigError and AssemblyError."""
    loaded = load(config_path, overrides)
    config, clock, directory = loaded.config, SystemClock(), places.state_directory()
    state = site_state(config, directory, clock)
    doors = live_doors(config, clock, state)
    key = site_key(config, directory)
    hand_over(config, directory)
    site = pipeline(loaded, doors, key, live=True)
    judge = SiteJudge(site, doors.resolver, doors.scanner)
    return Snapshot(
        settings=config.milter,
        judge=judge,
        answer=answer,
        before_exit=partial(_leave, site, state),
        description=tuple(organs(loaded, doors)),
        before_drop=partial(_prepare, site),
    )


def _prepare(site: Pipeline, account: privileges.Account) -> None:
    """Let a worker that is about to become an account make ready what the account could not start."""
    for check in site.lineup:
        if isinstance(check, AttachmentCheck) and not privileges.can_run(account):
            check.unpacker.keep_for(account.uid, account.gid)


def _leave(site: Pipeline, state: State) -> None:
    """Let a worker end: hand on what it counted, close what it opened."""
    for check in site.lineup:
        if isinstance(check, ContentCheck):
            content.settle(check)
    state.close()
    for check in site.lineup:
        if isinstance(check, AttachmentCheck):
            check.unpacker.close()
