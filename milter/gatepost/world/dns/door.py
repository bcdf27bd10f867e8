"""The DNS door: questions in, typed answers out.

A name that does not exist, a name without such records, and a server that did not answer are three different things, and
only the last one is temporary (RFC 2308, RFC 8020).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class RecordType(StrEnum):
    """The record types that mail authentication asks for."""

    A = "A"
    AAAA = "AAAA"
    MX = "MX"
    TXT = "TXT"
    PTR = "PTR"


@dataclass(frozen=True, slots=True)
class Records:
    """The name has records of this type.

    `values`: A, AAAA: the address as text; MX: `(preference, host)`; PTR: the host; TXT: the bytes of one record, its
    character-strings joined. Hosts are lower case without the final dot. CNAMEs have been followed.
    """

    values: tuple[bytes | str | tuple[int, str], ...]
    ttl: int = 300


@dataclass(frozen=True, slots=True)
class NoData:
    """The name exists, without records of this type."""

    ttl: int = 60


@dataclass(frozen=True, slots=True)
class NoSuchName:
    """The name does not exist (NXDOMAIN)."""

    ttl: int = 60


@dataclass(frozen=True, slots=True)
class TempFailure:
    """Nobody could say: timeout, SERVFAIL, REFUSED, budget spent. `reason` is one line for people."""

    reason: str


Answer = Records | NoData | NoSuchName | TempFailure


@dataclass(frozen=True, slots=True)
class Question:
    """A name (any case, no final dot needed, at most 253 octets or it does not exist) and a record type."""

    name: str
    kind: RecordType


class Resolver(Protocol):
    """Answers DNS questions within the current message's budget; never raises."""

    def ask(self, question: Question) -> Answer:
        """Give the answer, from the cache or by asking a server; blocks at most as long as the budget allows."""
        ...

    def prefetch(self, questions: Iterable[Question]) -> None:
        """Start to fetch answers into the cache in the background; returns at once."""
        ...
