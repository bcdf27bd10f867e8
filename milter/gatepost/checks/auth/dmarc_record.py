"""DMARC records: reading one, and finding those that count for a name (RFC 9989 4.7 and 4.10).

The tree walk replaces the public suffix list: beginning at a name, `_dmarc.` is asked at every level up to the top-level
domain, with at most eight questions. The records found say where an organization begins (its Organizational Domain).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from gatepost.checks.auth.tags import parse_tags
from gatepost.world.dns.door import Question, Records, RecordType, Resolver, TempFailure

_VERSION: Final = re.compile(rb"\s{0,100}[vV]\s{0,100}=\s{0,100}DMARC1\s{0,100}(?:;|\Z)")
_TAG: Final = re.compile(rb"\s{0,100}[A-Za-z][A-Za-z0-9_]{0,60}\s{0,100}=")
_REPORT_URI: Final = re.compile(rb"mailto:[^\s@,!]+@[^\s@,!]+", re.IGNORECASE)

_KEPT_BYTES: Final = 1_000  # of a record whose reading is kept, so that what is kept stays small

QUERIES: Final = 8
"""Questions of one tree walk (RFC 9989 4.10)."""


class Policy(StrEnum):
    """What a domain asks for mail that fails, from mild to severe."""

    NONE = "none"
    QUARANTINE = "quarantine"
    REJECT = "reject"

    @property
    def severity(self) -> int:
        """Rank policies: 0 is the mildest."""
        return list(Policy).index(self)

    @property
    def milder(self) -> Policy:
        """The policy one level down, which `t=y` asks for."""
        return list(Policy)[max(0, self.severity - 1)]


@dataclass(frozen=True, slots=True)
class Record:
    """A DMARC record. `usable` is False where RFC 9989 4.7 asks for no processing: a broken policy and nobody to tell."""

    p: Policy
    sp: Policy | None = None
    np: Policy | None = None
    strict_dkim: bool = False
    strict_spf: bool = False
    psd: str = "u"
    testing: bool = False
    usable: bool = True


def parse_record(text: bytes) -> Record | None:
    """Read a TXT record; None when it is no DMARC record. Unknown tags (`pct` among them) are ignored."""
    return _remembered(text) if len(text) <= _KEPT_BYTES else _parse(text)


def _parse(text: bytes) -> Record | None:
    """Read a record anew."""
    if not _VERSION.match(text):
        return None
    # What is no tag is ignored like an unknown one (RFC 9989 4.7): a slip of the pen must not undo a policy. A tag that
    # comes twice makes the list invalid (RFC 6376 3.2), and DMARC's names have no case.
    tags = parse_tags(b";".join(part for part in text.split(b";")[:100] if _TAG.match(part)))
    if tags is None:
        return None
    written = {name.lower(): value for name, value in tags.items()}
    if len(written) < len(tags):
        return None
    values = {name: value.lower() for name, value in written.items()}
    p, sp, np = (_policy(values.get(name)) for name in (b"p", b"sp", b"np"))
    broken = p is None or (sp is None and b"sp" in values) or (np is None and b"np" in values)
    if broken:
        # A broken policy asks for nothing, provided that somebody can be told about it.
        p, sp, np = Policy.NONE, None, None
    psd = values.get(b"psd", b"u")
    return Record(
        p=p or Policy.NONE,
        sp=sp,
        np=np,
        strict_dkim=values.get(b"adkim") == b"s",
        strict_spf=values.get(b"aspf") == b"s",
        psd=psd.decode() if psd in (b"y", b"n") else "u",
        testing=values.get(b"t") == b"y",
        usable=not broken or _has_report_uri(written),
    )


# The same few senders come again and again.
_remembered: Final = lru_cache(maxsize=1_024)(_parse)


def _policy(value: bytes | None) -> Policy | None:
    """Read a policy word, or None."""
    return next((policy for policy in Policy if value == policy.value.encode()), None)


def _has_report_uri(tags: dict[bytes, bytes]) -> bool:
    """Say whether rua= names at least one address; a `!size` behind it is ignored."""
    return any(_REPORT_URI.match(uri.strip()) for uri in tags.get(b"rua", b"").split(b","))


@dataclass(frozen=True, slots=True)
class Walk:
    """The result of a tree walk from `start`: the records found with their names, lowest first.

    `failed` is the name at which DNS did not answer ("" when it always did); what lies above it is not known.
    """

    start: str
    found: tuple[tuple[str, Record], ...] = ()
    failed: str = ""

    @property
    def organization(self) -> str:
        """The Organizational Domain (RFC 9989 4.10.2), as far as the walk got."""
        for name, record in self.found:
            if record.psd == "n":
                return name
            if record.psd == "y" and name != self.start:
                # One label below the public suffix, taken from the start even where the walk jumped over it.
                return ".".join(self.start.split(".")[-name.count(".") - 2 :])
        return self.found[-1][0] if self.found else self.start

    @property
    def own(self) -> Record | None:
        """The record at the start itself."""
        return self.found[0][1] if self.found and self.found[0][0] == self.start else None

    @property
    def policy(self) -> tuple[str, Record] | None:
        """The record whose policy applies to the start: its own, the organization's, or the public suffix's."""
        if self.own:
            return self.found[0]
        by_name = dict(self.found)
        if self.organization in by_name:
            return self.organization, by_name[self.organization]
        return next(((name, record) for name, record in self.found if record.psd == "y"), None)


def walk(resolver: Resolver, start: str) -> Walk:
    """Walk up the tree from a name (lower case, A-labels); asks at most QUERIES questions."""
    found: list[tuple[str, Record]] = []
    for name in _levels(start):
        match resolver.ask(Question(f"_dmarc.{name}", RecordType.TXT)):
            case TempFailure():
                return Walk(start, tuple(found), failed=name)
            case Records(values):
                record = _only(values)
            case _:
                record = None
        if record is None:
            continue
        found.append((name, record))
        if record.psd in ("n", "y"):
            break  # an organization begins here or below, at the start too (steps 2 and 6): what lies above is not ours
    return Walk(start, tuple(found))


def _only(values: Iterable[object]) -> Record | None:
    """Give the one DMARC record among the TXT records of a name, or None.

    RFC 9989 4.10 step 2: several are all discarded, and they are told by their version alone. One that is broken besides
    still makes two of them.
    """
    records = [value for value in values if isinstance(value, bytes) and _VERSION.match(value)]
    return parse_record(records[0]) if len(records) == 1 else None


def _levels(start: str) -> Iterator[str]:
    """Give the names to ask at: the start, then upwards, from seven labels at most (RFC 9989 4.10 step 3)."""
    labels = start.split(".")
    yield start
    for count in range(min(len(labels) - 1, QUERIES - 1), 0, -1):
        yield ".".join(labels[-count:])
