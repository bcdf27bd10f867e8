"""The suites once more through the whole family, up to the line that an administrator reads."""

from __future__ import annotations

import time

import authres
import pytest

from gatepost.checks.auth.family import Settings, build
from gatepost.effects.headers import authentication_results
from gatepost.evidence import Found
from gatepost.mail.message import Message, from_bytes
from gatepost.world.clock import FakeClock
from gatepost.world.dns.fake import FakeDns
from support.suites_auth import SUITES, ArcCase, arc_cases, dkim_cases, inbound

FOLDERS = ("dkim-mailauth", "rspamd-messages", "mimekit", "python-email", "mime4j-testmsgs")
FILES = [path for name in FOLDERS for path in sorted((SUITES / name).rglob("*")) if path.is_file()]


def judge(message: Message, dns: FakeDns) -> tuple[Found, dict[str, list[str]]]:
    """Run the family; gives the evidence, and what another program reads in Authentication-Results."""
    found = Found()
    for check in build(Settings(), dns, FakeClock(time.time())):
        found = found.plus(check.run(inbound(), message, found))
    read: dict[str, list[str]] = {}
    for result in authres.AuthenticationResultsHeader.parse_value(
        authentication_results("mx.example.org", found.items)
    ).results:
        read.setdefault(result.method, []).append(result.result)
    return found, read


@pytest.mark.parametrize("case", list(arc_cases()), ids=lambda case: case.name)
def test_arc(case: ArcCase) -> None:
    """Every chain of the suite has its word in the header."""
    assert judge(case.message, case.dns)[1]["arc"] == [case.want]


def test_dkim() -> None:
    """Every signature of the OpenDKIM suite has its word in the header, in order."""
    for case in dkim_cases():
        found, read = judge(case.message, case.dns)
        assert read["dkim"] == [str(item.status) for item in found.of("dkim")], case.name


def test_odd_files() -> None:
    """Hundreds of broken and hostile files give one readable line each, and authenticate nobody."""
    for path in FILES:
        found, read = judge(from_bytes(path.read_bytes()), FakeDns())
        assert [len(read[method]) for method in ("iprev", "spf", "arc", "dmarc")] == [1, 1, 1, 1], path.name
        assert not any(item.status == "pass" for item in found.items), path.name
    assert len(FILES) > (300 if SUITES.is_dir() else -1)
