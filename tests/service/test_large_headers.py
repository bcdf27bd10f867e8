"""Mail whose header goes past the limits, through the daemon as it ships: what is forged goes, wherever it stands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gatepost.mail import limits
from support.daemon import Daemon, gatepost
from support.dns_server import real_dns
from support.milter_client import MilterClient

FORGED = (
    (b"Authentication-Results", b" mx.recipient.example; dmarc=pass header.from=victim.example"),
    (b"X-Spam-Flag", b" NO"),
    (b"X-Gatepost-Verdict", b" outcome=accept"),
    (b"x-spam-flag", b" NO"),
)
AUTHOR = (b"From", b" a@victim.example")
MANY = ((b"X-F", b" 1"),) * limits.HEADER_FIELDS
LONG = ((b"X-F", b"y" * 60_000),) * (limits.HEADER_BYTES // 60_000 + 1)


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    """Run the daemon with a resolver that knows the author's domain."""
    with real_dns({"_dmarc.victim.example": {"TXT": ["v=DMARC1; p=reject"]}}) as dns, gatepost("", dns=dns) as found:
        yield found


@pytest.mark.parametrize("filling", [(), MANY, LONG], ids=["none", "many", "long"])
@pytest.mark.parametrize("late", [True, False])
def test_forged_fields_are_removed(daemon: Daemon, filling: tuple[tuple[bytes, bytes], ...], *, late: bool) -> None:
    """Before and behind any number of other fields every forged one is removed, and DMARC fails for the author it shows."""
    rest = (AUTHOR, *FORGED)
    with MilterClient(daemon.address) as mta:
        mta.greet()
        assert mta.mail().taken
        assert mta.rcpt().taken
        mta.data()
        mta.headers((*filling, *rest) if late else (*rest, *filling))
        mta.body(b"Pay today.\r\n")
        ending = mta.end()
    assert [ending.removed(name) for name in ("Authentication-Results", "X-Gatepost-Verdict", "X-Spam-Flag")] == [
        [1],
        [1],
        [2, 1],
    ]
    (results,) = ending.added("Authentication-Results")
    assert "dmarc=fail header.from=victim.example" in " ".join(results.split())
