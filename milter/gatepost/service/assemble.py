"""Where the parts meet: the only module that knows everybody. Config in, a working pipeline out."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import gatepost
from gatepost.arrival.judge import Answer, Kind
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
from gatepost.service.remembering import list_trouble, people, remembering
from gatepost.service.worker import Snapshot
from gatepost.verdict import Accept, Defer, Outcome, Quarantine, Reject, Verdict
from gatepost.world.budget import allowance
from gatepost.world.clock import Clock, SystemClock
from gatepost.world.dns.door import Question, RecordType, Resolver, TempFailure
from gatepost.world.dns.fake import FakeDns, NoNetworkDns, ZoneError
from gatepost.world.dns.live import LiveResolver
from gatepost.world.dns.names import reverse_name
from gatepost.world.scanner import Scanner
from gatepost.world.state.door import Put, Recall, State, StateConfigError
from gatepost.world.state.keys import domain_key, key
from gatepost.world.state.memory import MemoryState
from gatepost.world.state.opening import open_state, state_file
from gatepost.world.state.readonly import ReadOnlyState

_ID_BYTES: Final = 8
_log: Final = logging.getLogger(__name__)
_PROBE_SECONDS: Final = 1.0
"""How long a start waits to learn whether the resolver answers."""


class AssemblyError(Exception):
    """A part that the config asks for cannot be had; the text is one line."""


@dataclass(frozen=True, slots=True)
class Doors:
    """The outside world as one site sees it; `scanner` is None where no clamd is configured.

    `lessons` is where the site's labels are read, if not in `state`.
    """

    clock: Clock
    resolver: Resolver
    state: State
    scanner: Scanner | None
    lessons: State | None = None


@dataclass(frozen=True, slots=True)
class Organ:
    """One part of a site in words for people, and whether it is well."""

    text: str
    well: bool


@dataclass(frozen=True, slots=True)
class ReplayDoors:
    """What `gatepost scan` may ask: a zone file instead of DNS, and whether the network is off limits."""

    dns_zone: Path | None = None
    no_network: bool = False


def lineup(config: Config, doors: Doors, key: bytes = b"", *, live: bool = False) -> tuple[Check, ...]:
    """Give the checks in the order in which they run. Raises AssemblyError for a model that cannot be used.

    Authentication comes before reputation, which believes only authenticated names, and so does the content, whose text and links
    reputation knows again; bulk mail is judged by all of them. On a `live` site the classifier counts what it sees. `key` is the site's.
    """
    try:
        opinion = content.build(config.classifier)
    except ModelError as error:
        raise AssemblyError(str(error)) from None
    opinion = content.taught(opinion, config.classifier, doors.lessons or doors.state, doors.clock)
    if live:
        opinion = content.watched(opinion, doors.state, doors.clock)
    return (
        *auth.build(config.auth, doors.resolver, doors.clock),
        *virus.build(config.virus, doors.scanner),
        opinion,
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

    def judge(self, envelope: Envelope, message: Message) -> Verdict:
        """Answer at the end of a message."""
        return self.pipeline.judge(envelope, message).verdict


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
    config, clock = loaded.config, SystemClock()
    try:
        resolver = _replay_resolver(config, doors, clock)
    except ZoneError as error:
        raise AssemblyError(str(error)) from None
    remembered: State = MemoryState(clock)
    if config.state.url and not doors.no_network:
        remembered = _state(config, places.state_directory(), clock)
    scanner = None if doors.no_network else virus.open_scanner(config.virus)
    lessons = None if config.state.url and not doors.no_network else ReadOnlyState(_stored(config, clock))
    seen = Doors(clock, resolver, ReadOnlyState(remembered), scanner, lessons)
    return pipeline(loaded, seen, secrets.token_bytes(32), live=False)


def _stored(config: Config, clock: Clock) -> State:
    """Give the state file that the config means, the embedded one included, to read labels from; memory where there is none.

    Stored mail is judged without the rates and tallies of a live site, but with what people taught it.
    """
    try:
        file = state_file(config.state, places.state_directory() / "state.sqlite")
        if file is not None and file.exists():
            return _state(config, places.state_directory(), clock)
    except (AssemblyError, OSError) as error:
        _log.warning("the labels of `gatepost learn` are left out: %s", error)
    return MemoryState(clock)


def learning_writer(loaded: Loaded) -> HeaderWriter:
    """Give what knows this site's own verdict headers again. Raises AssemblyError, one line."""
    return _writer(loaded.config, _site_key(loaded.config, places.state_directory()))


def learning_state(loaded: Loaded) -> State:
    """Give the store that `gatepost learn` writes into, the daemon's own. Raises AssemblyError, one line."""
    config, directory = loaded.config, places.state_directory()
    state = _state(config, directory, SystemClock())
    if not config.state.url:
        _hand_over(
            config, directory
        )  # Made by root before the daemon was first started, it is the workers' all the same.
    return state


def _replay_resolver(config: Config, doors: ReplayDoors, clock: Clock) -> Resolver:
    if doors.dns_zone is not None:
        return FakeDns.from_yaml(doors.dns_zone)
    return NoNetworkDns() if doors.no_network else LiveResolver(config.dns, clock)


def snapshot(config_path: Path | None, overrides: Mapping[str, object]) -> Snapshot:
    """Build everything the daemon needs, before it forks. Raises ConfigError and AssemblyError."""
    loaded = load(config_path, overrides)
    config, clock, directory = loaded.config, SystemClock(), places.state_directory()
    state = _state(config, directory, clock)
    doors = Doors(clock, LiveResolver(config.dns, clock), state, virus.open_scanner(config.virus))
    key = _site_key(config, directory)
    _hand_over(config, directory)
    site = pipeline(loaded, doors, key, live=True)
    judge = SiteJudge(site, doors.resolver)
    return Snapshot(
        settings=config.milter,
        judge=judge,
        answer=answer,
        before_exit=partial(_leave, site, state),
        description=tuple(organs(loaded, doors)),
    )


def _leave(site: Pipeline, state: State) -> None:
    """Let a worker end: hand on what it counted, close what it opened."""
    for check in site.lineup:
        if isinstance(check, ContentCheck):
            content.settle(check)
    state.close()


def _state(config: Config, directory: Path, clock: Clock) -> State:
    try:
        return open_state(config.state, directory / "state.sqlite", clock)
    except StateConfigError as error:
        raise AssemblyError(str(error)) from None


def _site_key(config: Config, directory: Path) -> bytes:
    if config.headers.signing_key:
        return config.headers.signing_key.encode()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return places.site_key(directory)
    except OSError as error:
        raise AssemblyError(f"{error.filename}: cannot keep the site key there: {error.strerror}") from None


def _hand_over(config: Config, directory: Path) -> None:
    """Let the account that the workers become use the state directory; the supervisor alone keeps root."""
    try:
        account = privileges.choose(config.milter.user, as_root=os.geteuid() == 0)
        if account is not None:
            places.hand_over(directory, account.uid, account.gid)
    except (OSError, privileges.PrivilegeError) as error:
        raise AssemblyError(f"{directory}: {error}") from None


def look(loaded: Loaded) -> tuple[Doors, Organ]:
    """Give the doors of a site to somebody who only looks, and how its state store is. Makes no state file, never raises.

    Memory takes the place of a store that is not there yet or cannot be opened.
    """
    config, clock = loaded.config, SystemClock()
    file = state_file(config.state, places.state_directory() / "state.sqlite")
    state: State = MemoryState(clock)
    organ = Organ(f"sqlite at {file} (nothing stored yet)", well=True)
    try:
        if file is None or file.exists():
            state = _state(config, places.state_directory(), clock)
            organ = state_organ(state, clock)
    except AssemblyError as error:
        organ = Organ(str(error), well=False)
    except OSError as error:  # a folder on the way that only others may enter
        organ = Organ(f"{file}: {error.strerror}", well=False)
    return Doors(clock, LiveResolver(config.dns, clock), state, virus.open_scanner(config.virus)), organ


def organs(loaded: Loaded, doors: Doors) -> Iterable[str]:
    """Give one line for people on each organ: is it live, and where."""
    config = loaded.config
    yield f"config      {loaded.path or 'built-in defaults'} (version {loaded.version})"
    beside = f" (without effect beside it: {config.classifier.shadow})" if config.classifier.shadow else ""
    yield f"model       {content.find_model(config.classifier.model).name}{beside}"
    yield f"classifier  {content.marks(config.classifier).said(config.classifier.max_false_positive_rate)}"
    yield f"resolver    {resolver_organ(config, doors).text}"
    yield f"clamd       {clamd_organ(config, doors).text}"
    yield f"state       {doors.state.backend}"
    for name, organ in list_organs(config, doors):
        yield f"dns list    {name}: {organ.text}"
    yield "for Postfix, in main.cf:"
    yield f"  smtpd_milters = {config.milter.address}"


def resolver_organ(config: Config, doors: Doors) -> Organ:
    """Say which resolvers are asked, and whether one answers at all: any answer but trouble will do."""
    servers = ", ".join(config.dns.servers) or "the system resolvers"
    with allowance(doors.clock, _PROBE_SECONDS):
        reached = doors.resolver.ask(Question("localhost", RecordType.A))
    if isinstance(reached, TempFailure):
        return Organ(f"{servers} (no answer: {reached.reason}; authentication is temperror until it does)", well=False)
    return Organ(servers, well=True)


def list_organs(config: Config, doors: Doors) -> Iterable[tuple[str, Organ]]:
    """Say of each DNS list in use, by its name, whether it answers this resolver."""
    for listed in config.dnslists.active:
        with allowance(doors.clock, _PROBE_SECONDS):
            trouble = list_trouble(listed, doors.resolver)
        yield listed.title, Organ(trouble or "answers", well=not trouble)


def clamd_organ(config: Config, doors: Doors) -> Organ:
    """Say where clamd is and which version answers; one that is not used is well."""
    if not config.virus.clamd or not doors.scanner:
        return Organ("not used ([virus] clamd is empty): mail is marked X-Virus-Status: skipped", well=True)
    version = doors.scanner.ping()
    told = version or "does not answer: mail is marked X-Virus-Status: error"
    return Organ(f"{config.virus.clamd} ({told})", well=version is not None)


def state_organ(state: State, clock: Clock) -> Organ:
    """Say where the state is kept, and whether it answers and takes what is new: a store may be full, or only a replica."""
    with allowance(clock, _PROBE_SECONDS):
        state.exchange([Recall(domain_key("probe.invalid")), Put(key("probe", "status"), b"", 60)])
    return Organ(state.backend, well=not state.degraded())
