"""Mail cases as files: find them, judge them, compare."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import yaml

from gatepost.checks.attachments.family import Settings as AttachmentSettings
from gatepost.checks.attachments.unpacker import Unpacker, open_unpacker
from gatepost.checks.content.lesson import JOURNAL, encode, make
from gatepost.checks.content.tokens import extract
from gatepost.ledger.record import Record
from gatepost.mail.address import parse_path
from gatepost.mail.envelope import Client, Direction, Envelope
from gatepost.mail.message import from_bytes
from gatepost.pipeline import Pipeline
from gatepost.service.assemble import pipeline
from gatepost.service.config import load
from gatepost.service.doors import Doors
from gatepost.verdict import AddHeader, RemoveHeader, outcome_word
from gatepost.world.clock import FakeClock
from gatepost.world.dns.fake import FakeDns
from gatepost.world.scanner.door import Infected
from gatepost.world.scanner.fake import FakeScanner
from gatepost.world.state.door import Entry, Mark, State
from gatepost.world.state.keys import named
from gatepost.world.state.memory import MemoryState

FOLDER = Path(__file__).resolve().parents[1] / "corpus"
NOW = 1_793_534_400.0  # 2026-11-01 12:00 UTC
PATTERN = b"GATEPOST-TEST-VIRUS"


def pattern_scanner() -> FakeScanner:
    """Give a scanner that knows one test pattern."""
    return FakeScanner({PATTERN: Infected("Gatepost.Test.Pattern")})


@cache
def _opened(bounds: str) -> Unpacker:
    return open_unpacker(AttachmentSettings.model_validate_json(bounds))


def _unpacker(settings: AttachmentSettings) -> Unpacker:
    """Give the unpacker that all cases with the same bounds share: its process takes half a second to start."""
    return _opened(
        settings.model_dump_json(
            include={name for name in AttachmentSettings.model_fields if name.startswith(("jail_", "unpack_"))}
        )
    )


@dataclass(frozen=True)
class Case:
    """One case: the path of its message without the ending."""

    stem: Path

    def __str__(self) -> str:
        """Name it as pytest shows it."""
        return str(self.stem.relative_to(FOLDER))

    def read(self, ending: str) -> dict[str, Any]:
        """Read one of its YAML files; a missing one is empty."""
        path = self.stem.with_name(self.stem.name + ending)
        return (yaml.safe_load(path.read_text()) or {}) if path.exists() else {}

    def data(self) -> bytes:
        """Give the bytes of its message."""
        return self.stem.with_name(self.stem.name + ".eml").read_bytes()

    def judge(self) -> Record:
        """Give the record of its message."""
        return self.pipeline().judge(self.envelope(), from_bytes(self.data()))

    def pipeline(self) -> Pipeline:
        """Give the pipeline with the case's own config, zone, clock and scanner."""
        zone, clock = self.stem.with_name(self.stem.name + ".dns"), FakeClock(NOW)
        config = self.stem.with_name(self.stem.name + ".toml")
        loaded = load(config if config.exists() else None, {"milter.authserv_id": "mx.gatepost.test"})
        resolver = FakeDns.from_yaml(zone) if zone.exists() else FakeDns({})
        state = MemoryState(clock)
        self.recall(state)
        doors = Doors(clock, resolver, state, pattern_scanner(), unpacker=_unpacker(loaded.config.attachments))
        return pipeline(loaded, doors, b"key", live=False)

    def recall(self, state: State) -> None:
        """Put into a store what the case says the site remembers: senders, and the label of this very message."""
        known = self.read(".state")
        for name, (wanted, unwanted) in known.get("senders", {}).items():
            state.remember([Mark(named(name).key, wanted, unwanted)])
        for key, (wanted, unwanted) in known.get("keys", {}).items():
            state.remember([Mark(key, wanted, unwanted)])
        lesson = make(extract(from_bytes(self.data())), known["labelled"], NOW) if "labelled" in known else None
        if lesson:
            state.note(JOURNAL, [Entry(lesson.id, encode(lesson))])

    def envelope(self) -> Envelope:
        """Give the envelope that its .smtp file describes."""
        said = self.read(".smtp")
        login = said.get("auth-user", "")
        client_ip = said.get("client-ip")
        return Envelope(
            client=Client(
                ip=ip_address(client_ip) if client_ip else None,
                ptr=said.get("client-name", ""),
                helo=said.get("helo", ""),
                login=login,
            ),
            sender=parse_path(said.get("mail-from", "").encode()),
            recipients=tuple(filter(None, (parse_path(to.encode()) for to in said.get("rcpt-to", [])))),
            direction=Direction.OUTBOUND if login else Direction.INBOUND,
        )


def cases() -> list[Case]:
    """Give all cases, private ones included."""
    return [Case(path.with_suffix("")) for path in sorted(FOLDER.rglob("*.eml"))]


def codes(record: Record) -> list[str]:
    """Give the evidence codes, without the model's opinion."""
    return sorted(item.code for item in record.evidence if item.check != "content" or item.code == "content.limit")


def differences(want: dict[str, Any], record: Record) -> Iterator[str]:
    """Give a line for everything that is not as wanted."""
    verdict = record.verdict
    checks: dict[str, Any] = {
        "outcome": outcome_word(verdict.outcome),
        "codes": codes(record),
        "degraded": list(verdict.degraded),
        "removed": [f"{edit.name}#{edit.nth}" for edit in verdict.edits if isinstance(edit, RemoveHeader)],
    }
    for key, got in checks.items():
        if key in want and want[key] != got:
            yield f"{key}: wanted {want[key]}, got {got}"
    for check, codes_wanted in want.get("checks", {}).items():
        got = [item.code for item in record.evidence if item.check == check]
        if got != codes_wanted:
            yield f"{check}: wanted {codes_wanted}, got {got}"
    yield from _one_of("content", want, [item.code for item in record.evidence if item.check == "content"])
    yield from _one_of("class", want, [str(verdict.label)])
    low, high = want.get("score", (-1000, 1000))
    if not low <= verdict.score <= high:
        yield f"score: wanted {low} to {high}, got {verdict.score}"
    yield from _facts(want.get("facts", {}), record)
    yield from _headers(want.get("headers", {}), record)


def _one_of(key: str, want: dict[str, Any], got: list[str]) -> Iterator[str]:
    wanted = want.get(key)
    if wanted is not None and not set(got) & set([wanted] if isinstance(wanted, str) else wanted):
        yield f"{key}: wanted {wanted}, got {got}"


def _facts(wanted: dict[str, dict[str, str]], record: Record) -> Iterator[str]:
    for code, facts in wanted.items():
        found = [dict(item.facts) for item in record.evidence if item.code == code]
        if not any(facts.items() <= have.items() for have in found):
            yield f"facts of {code}: wanted {facts}, got {found}"


def _headers(wanted: dict[str, str | None], record: Record) -> Iterator[str]:
    added = {edit.name: edit.value.replace("\n ", " ") for edit in record.verdict.edits if isinstance(edit, AddHeader)}
    for name, pattern in wanted.items():
        value = added.get(name)
        if (value is None) != (pattern is None) or (pattern is not None and not re.search(pattern, value or "")):
            yield f"header {name}: wanted {pattern!r}, got {value!r}"


def rewrite(case: Case, record: Record) -> None:
    """Write anew what a case says of outcome, codes and checks, and leave the rest of its .want as it is."""
    want = case.read(".want")
    if "outcome" in want:
        want["outcome"] = outcome_word(record.verdict.outcome)
    if "codes" in want:
        want["codes"] = codes(record)
    for check in want.get("checks", {}):
        want["checks"][check] = [item.code for item in record.evidence if item.check == check]
    text = yaml.safe_dump(want, sort_keys=False, width=120, allow_unicode=True)
    case.stem.with_name(case.stem.name + ".want").write_text(text)
