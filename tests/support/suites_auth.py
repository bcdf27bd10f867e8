"""The external suites for mail authentication, read as cases: SPF, DKIM, ARC, DMARC.

They travel beside the project (`../shared/suites`) and are not part of it. Where they are absent each loader gives no
cases, and `tests/checks/auth/test_suites.py` says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import yaml

from gatepost.mail.envelope import Client, Envelope
from gatepost.mail.message import Message, from_bytes
from gatepost.world.dns.fake import FakeDns

SUITES = Path(__file__).resolve().parents[2] / ".." / "shared" / "suites"


@dataclass(frozen=True)
class SpfCase:
    """One check_host() case; `results` holds every acceptable word."""

    name: str
    ip: str
    sender: str
    helo: str
    results: tuple[str, ...]
    explanation: str
    dns: FakeDns


@dataclass(frozen=True)
class DkimCase:
    """One signed message of the OpenDKIM suite."""

    name: str
    title: str
    message: Message
    expect: str
    special: str
    dns: FakeDns


@dataclass(frozen=True)
class ArcCase:
    """One chain; `want` is pass, fail or none."""

    name: str
    message: Message
    want: str
    dns: FakeDns


def present() -> bool:
    """Say whether the suites are there."""
    return SUITES.is_dir()


# Cases that we do not answer as the suite wants: what we say instead, and why.
SPF_EXCEPTIONS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "corner cases: default-modifier": (("neutral",), "wants pyspf's lax mode; RFC 7208 6 ignores unknown modifiers"),
    "corner cases: default-modifier-harsh": (("neutral",), "wants pyspf's harsh mode, whose word RFC 7208 2.6 lacks"),
}


def spf_cases(suite: str = "rfc7208") -> Iterator[SpfCase]:
    """Read one SPF suite: `rfc7208`, `rfc4408` or `pyspf-extra`."""
    path = SUITES / "spf-openspf" / f"{suite}-tests.yml"
    for document in yaml.safe_load_all(path.read_text()) if path.exists() else ():
        dns = _spf_zone(document["zonedata"])
        title = document.get("description") or document.get("comment", "").strip() or "ad hoc"
        for name, case in document["tests"].items():
            results = case["result"]
            yield SpfCase(
                f"{title}: {name}",
                case["host"],
                case["mailfrom"],
                case["helo"],
                (results,) if isinstance(results, str) else tuple(results),
                case.get("explanation", "DEFAULT"),
                dns,
            )


def _spf_zone(data: Mapping[str, list[Any]]) -> FakeDns:
    """Turn the suite's zone into ours: SPF records stand for TXT where a name has no TXT entry of its own."""
    zone: dict[str, dict[str, list[Any]]] = {}
    timeout = []
    for name, entries in data.items():
        types: dict[str, list[Any]] = {}
        for entry in entries:
            for kind, value in entry.items() if isinstance(entry, dict) else ():
                types.setdefault(kind, []).extend([] if value == "NONE" else [value])
        spf = types.pop("SPF", [])
        if spf:
            types.setdefault("TXT", spf)
        if "TIMEOUT" in entries and not types.get("TXT"):
            # Behind a TXT record it means types that are not listed, which nobody asks for.
            timeout.append(name)
        zone[name] = types
    return FakeDns(zone, timeout=timeout)


def dkim_cases() -> Iterator[DkimCase]:
    """Read the OpenDKIM suite."""
    folder = SUITES / "dkim-opendkim"
    if not folder.exists():
        return
    data = json.loads((folder / "cases.json").read_text())
    dns = FakeDns({name: {"TXT": [text]} for name, text in data["dns_txt"].items()})
    for case in data["cases"]:
        message = from_bytes((folder / case["file"]).read_bytes())
        yield DkimCase(f"test{case['test']:03}", case["title"], message, case["expect"], case.get("use", ""), dns)


def psl_cases() -> list[tuple[str, str]]:
    """Read the Public Suffix List's cases: a name, and its registrable domain or ""."""
    path = SUITES / "psl" / "tests.txt"
    lines = path.read_text().splitlines() if path.exists() else []
    pairs = [line.split() for line in lines if line and not line.startswith("//")]
    return [("" if name == "null" else name, "" if want == "null" else want) for name, want in pairs]


def arc_cases() -> Iterator[ArcCase]:
    """Read the ValiMail validation suite; a case without an expectation must fail (see its NOTES.md)."""
    path = SUITES / "arc-valimail" / "arc-draft-validation-tests.yml"
    for document in yaml.safe_load_all(path.read_text()) if path.exists() else ():
        for name, case in document["tests"].items():
            records = case.get("txt-records") or document.get("txt-records") or {}
            dns = FakeDns({owner: {"TXT": [text]} for owner, text in records.items()})
            want = str(case["cv"] or "fail").lower() if case["cv"] != "" else "fail"
            yield ArcCase(f"{document['description']}: {name}", from_bytes(case["message"].encode()), want, dns)


def dmarc_cases() -> list[dict[str, Any]]:
    """Read the RFC 9989 vectors as they are."""
    path = SUITES / "dmarc-rfc9989" / "vectors.yml"
    return yaml.safe_load(path.read_text())["cases"] if path.exists() else []


def inbound(ip: str = "192.0.2.1", **fields: Any) -> Envelope:
    """Give an inbound envelope from an address."""
    helo = fields.pop("helo", "mx.example.org")
    return Envelope(client=Client(ip=ip_address(ip) if ip else None, helo=helo), **fields)
