"""Where the parts meet: the order of the checks, what they may emit, and what each door is for."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from unittest.mock import Mock

import pytest

from gatepost.arrival.judge import Kind
from gatepost.mail.address import parse_path
from gatepost.mail.envelope import Client, Direction, Envelope
from gatepost.mail.header import Header
from gatepost.mail.message import from_bytes
from gatepost.service.assemble import (
    SiteJudge,
    answer,
    early_questions,
    lineup,
    pipeline,
    replay_pipeline,
)
from gatepost.service.codes import FAMILIES, known_codes
from gatepost.service.config import ConfigError, load
from gatepost.service.doors import AssemblyError, Doors, ReplayDoors
from gatepost.service.doors import site_key as lasting_key
from gatepost.service.places import site_key, state_directory
from gatepost.testing import FakeClock, FakeDns, FakeScanner, MemoryState
from gatepost.verdict import Accept, Defer, Quarantine, Reject, RemoveHeader
from gatepost.world.dns.door import Question
from gatepost.world.scanner.door import Infected, Scan
from gatepost.world.scanner.head_start import head_start
from support.cases import Case, cases

REPUTATION = FAMILIES["reputation"]
# Found only with a memory, a limit or a scanner that mail cases do not have; each has tests beside its check.
ELSEWHERE = {
    "arc.neutral",
    "content.bulk",
    "content.limit",
    "content.none",
    "dkim.neutral",
    "iprev.none",
    "virus.encrypted",
    "virus.heuristic",
    "virus.limit",
    "virus.reloading",
    "virus.timeout",
    "virus.unreachable",
}
ELSEWHERE |= {
    "attachment.error",
    "attachment.partial",
    "attachment.timeout",
    "virus.skipped",
    "virus.error",
    "sender.bad",
    "sender.good",
    "sender.neutral",
    "sender.temperror",
    "rate.temperror",
}
ELSEWHERE |= {code for code in REPUTATION if code.startswith("rate.") and "-" in code}
ELSEWHERE |= {code for code in REPUTATION if not code.startswith(("rate.", "sender."))}
VOICES = {"rate", "sender", "reputation", "correspondent", "campaign", "greylist"}


def doors(**zone: object) -> Doors:
    """Give a world of fakes."""
    clock = FakeClock(1_793_534_400.0)
    return Doors(clock, FakeDns(zone), MemoryState(clock), FakeScanner())


def test_the_order_of_the_checks() -> None:
    """A check runs after those whose evidence it reads; names are unique; authentication comes first."""
    checks = lineup(load(None).config, doors())
    names = [check.name for check in checks]
    assert names[:7] == ["upstream", "iprev", "spf", "dkim", "arc", "dmarc", "forward"]
    assert len(set(names)) == len(names)
    for place, check in enumerate(checks):
        assert check.after <= set(names[:place]), f"{check.name} reads what comes later"


def test_every_check_has_its_codes() -> None:
    """The codes of the line-up are the known ones, and each begins with its check's name, or belongs to reputation's voices."""
    codes = {code for check in lineup(load(None).config, doors()) for code in check.codes}
    assert codes <= set(known_codes())
    for check in lineup(load(None).config, doors()):
        assert check.codes
        voices = VOICES if check.name == "reputation" else {check.name}
        assert {code.partition(".")[0] for code in check.codes} == voices


def test_the_mail_cases_find_every_code(caplog: pytest.LogCaptureFixture) -> None:
    """Over all mail cases every code is emitted by some case, and no code that its check does not name."""
    caplog.set_level(logging.CRITICAL)
    checks = lineup(load(None).config, doors())
    codes = {code for check in checks for code in check.codes}
    named = {
        voice: {code for code in codes if code.partition(".")[0] == voice}
        for voice in (code.partition(".")[0] for code in codes)
    }
    seen = set()
    for case in cases():
        for item in case.judge().evidence:
            assert item.code in named[item.check]
            seen.add(item.code)
    assert set().union(*named.values()) - seen <= ELSEWHERE


def test_replay_remembers_nothing() -> None:
    """A replayed message changes no state and writes no record; the same mail gets the same verdict again and again."""
    world = doors()
    replayed = pipeline(load(None), world, b"key", live=False)
    message = from_bytes(b"From: a@sender.example\n\nhello\n")
    envelope = Envelope(client=Client(ip=ip_address("192.0.2.1")), sender=parse_path(b"a@sender.example"))
    verdicts = {replayed.judge(envelope, message).verdict.score for _ in range(3)}
    assert len(verdicts) == 1
    assert replayed.admit(envelope) == Accept()


def test_a_live_site_counts_and_logs(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A live pipeline defers a client above the hard limit at RCPT, and writes one JSON line per message."""
    config = tmp_path / "site.toml"
    config.write_text("[reputation]\nclient_hard = 2\n")
    world = doors()
    judge = SiteJudge(pipeline(load(config), world, b"key", live=True), world.resolver)
    envelope = Envelope(client=Client(ip=ip_address("192.0.2.1")), sender=parse_path(b"a@sender.example"))
    judge.warm(envelope)
    for _ in range(4):
        judge.judge(envelope, from_bytes(b"From: a@sender.example\n\nhello\n"))
    assert isinstance(judge.admit(envelope), Defer)
    lines = capfd.readouterr().err.splitlines()
    assert len([line for line in lines if line.startswith('{"event":"message"')]) == 4


def test_a_trusted_upstream_is_not_counted(tmp_path: Path) -> None:
    """A relay in front of us sends the mail of many: no limit for one client holds it up."""
    config = tmp_path / "site.toml"
    config.write_text('[reputation]\nclient_hard = 2\nsender_hard = 0\n[auth]\ntrusted_upstreams = ["192.0.2.0/24"]\n')
    world = doors()
    judge = SiteJudge(pipeline(load(config), world, b"key", live=True), world.resolver)
    for client, outcome in (("192.0.2.1", Accept), ("198.51.100.1", Defer)):
        envelope = Envelope(client=Client(ip=ip_address(client)), sender=parse_path(b"a@sender.example"))
        for _ in range(4):
            judge.judge(envelope, from_bytes(b"From: a@sender.example\n\nhello\n"))
        assert isinstance(judge.admit(envelope), outcome)


def test_what_is_asked_early() -> None:
    """At MAIL the client's name and the sender's SPF record are foreseen; under the null path the HELO's."""
    client = Client(ip=ip_address("192.0.2.1"), helo="mail.sender.example")
    asked = [question.name for question in early_questions(Envelope(client=client, sender=parse_path(b"a@x.example")))]
    assert asked == ["1.2.0.192.in-addr.arpa", "x.example"]
    assert [question.name for question in early_questions(Envelope(client=client))][1] == "mail.sender.example"
    assert list(early_questions(Envelope())) == []


def test_fields_are_asked_for_as_they_arrive() -> None:
    """The author's DMARC record and a signature's key are fetched while the body still comes; other fields ask nothing."""

    class Noting(FakeDns):
        def prefetch(self, questions: Iterable[Question]) -> None:
            self.asked.extend(questions)

    resolver = Noting()
    judge = SiteJudge(pipeline(load(None), doors(), b"key", live=False), resolver)
    judge.foresee(Header(b"From", b" Ann <ann@x.example>"))
    judge.foresee(Header(b"DKIM-Signature", b" v=1; a=rsa-sha256; d=y.example; s=s1; h=from; bh=YQ==; b=YQ=="))
    judge.foresee(Header(b"From", b" broken"))
    assert [question.name for question in resolver.asked] == ["_dmarc.x.example", "s1._domainkey.y.example"]


class Begun:
    """A stream that keeps what it is fed and answers once."""

    def __init__(self) -> None:
        self.fed: list[bytes] = []
        self.ended: list[str] = []

    def feed(self, piece: bytes) -> bool:
        """Keep it."""
        self.fed.append(piece)
        return True

    def finish(self, data: bytes, seconds: float) -> Infected | None:
        """Find malware in exactly what was fed."""
        self.ended.append("finished")
        return Infected("X") if seconds > 0 and data == b"".join(self.fed) else None

    def abandon(self) -> None:
        """Note it."""
        self.ended.append("abandoned")


class Beginning(FakeScanner):
    """A scanner that lets a scan begin early and ends it as the live one does."""

    def begin(self) -> Begun:
        """Begin."""
        return Begun()

    def scan(self, data: bytes) -> Scan:
        """End the head start, or scan."""
        return head_start().finish(data, 1.0) or FakeScanner.scan(self, data)


def test_a_head_start_reaches_the_scanner_of_its_message() -> None:
    """What was scanned while it arrived answers for that message alone, and is let go when another one is judged with it."""
    scanner = Beginning()
    world = replace(doors(), scanner=scanner)
    judge = SiteJudge(pipeline(load(None), world, b"key", live=False), world.resolver, scanner)
    message = from_bytes(b"From: a@sender.example\r\n\r\nhello\r\n")
    for heard, outcome in ((message.raw(), Reject), (b"half", Accept)):
        start = judge.listen(Envelope())
        assert start is not None
        stream = start.stream
        assert isinstance(stream, Begun)
        start.hear(heard)
        assert isinstance(judge.judge(Envelope(), message, start).outcome, outcome)
        assert stream.ended == ["finished"]
    assert SiteJudge(judge.pipeline, world.resolver).listen(Envelope()) is None
    assert judge.judge(Envelope(), message).outcome == Accept()


def test_what_passes_unjudged_is_cleaned() -> None:
    """Mail from outside that nobody could judge loses the verdicts that it brought along; that of our own users stays as it is."""
    judge = SiteJudge(pipeline(load(None), doors(), b"key", live=False), FakeDns({}))
    message = from_bytes(b"X-Spam-Flag: NO\r\nSubject: x\r\nX-Spam-Flag: NO\r\nX-Virus-Status: clean\r\n\r\n")
    gone = [RemoveHeader("X-Virus-Status", 1), RemoveHeader("X-Spam-Flag", 2), RemoveHeader("X-Spam-Flag", 1)]
    assert list(judge.clean(Envelope(), message)) == gone
    assert judge.clean(Envelope(direction=Direction.OUTBOUND), message) == ()


def test_own_mail_asks_nothing_early() -> None:
    """Outbound mail warms no cache."""
    world = doors()
    judge = SiteJudge(pipeline(load(None), world, b"key", live=False), world.resolver)
    judge.warm(Envelope(direction=Direction.OUTBOUND, sender=parse_path(b"a@x.example")))
    assert isinstance(world.resolver, FakeDns)
    assert world.resolver.asked == []


def test_outcomes_in_the_words_of_the_protocol() -> None:
    """Each outcome becomes one answer: acceptance, a hold with a short safe reason, 451, 550."""
    assert answer(Accept()).kind is Kind.ACCEPT
    held = answer(Quarantine("score: \r\nX: y " + "ü" * 300))
    assert (held.kind, held.rcode) == (Kind.ACCEPT, "")
    assert held.quarantine is not None
    assert len(held.quarantine.encode()) <= 100
    assert held.quarantine.isprintable()
    later, never = answer(Defer((4, 7, 1), "later\x00")), answer(Reject((5, 7, 1), "no\r\n250 ok"))
    assert (later.kind, later.rcode, later.xcode, later.text) == (Kind.TEMPFAIL, "451", "4.7.1", ("later?",))
    assert (never.kind, never.rcode, never.xcode, never.text) == (Kind.REJECT, "550", "5.7.1", ("no 250 ok",))


def test_parts_that_cannot_be_had(tmp_path: Path) -> None:
    """A model or a zone that cannot be used is one line, before any mail is judged."""
    (tmp_path / "bad.zone").write_text("[1, 2")
    with pytest.raises(AssemblyError, match=r"bad\.zone: not YAML"):
        replay_pipeline(load(None), ReplayDoors(dns_zone=tmp_path / "bad.zone"))
    (tmp_path / "site.toml").write_text('[classifier]\nmodel = "base-190001"\n')
    with pytest.raises(AssemblyError, match="model base-190001: no model of that name is installed") as caught:
        replay_pipeline(load(tmp_path / "site.toml"), ReplayDoors(no_network=True))
    assert "\n" not in str(caught.value)


def test_the_site_key_is_made_once(tmp_path: Path) -> None:
    """The key is made at first use, kept, readable by its owner alone, and made anew when it was cut short."""
    key = site_key(tmp_path)
    assert len(key) == 32
    assert site_key(tmp_path) == key
    assert (tmp_path / "site.key").stat().st_mode & 0o777 == 0o600
    (tmp_path / "site.key").write_bytes(key[:5])
    assert len(site_key(tmp_path)) == 32


@pytest.mark.parametrize("there", [b"", b"short"])
def test_the_site_key_is_not_written_through_a_link(tmp_path: Path, there: bytes) -> None:
    """The directory belongs to the workers; root overwrites nothing that a link in it leads to."""
    directory, target = tmp_path / "state", tmp_path / "target"
    directory.mkdir()
    target.write_bytes(there)
    (directory / "site.key").symlink_to(target)
    with pytest.raises(AssemblyError, match="cannot keep the site key"):
        lasting_key(load(None).config, directory)
    assert target.read_bytes() == there


def test_a_full_disk_costs_the_site_key_its_memory(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where the key cannot be written for want of room the site starts with one of its own, and says so."""
    full = OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "site.key"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gatepost.service.places.site_key", Mock(side_effect=full))
        assert len(lasting_key(load(None).config, tmp_path)) == 32
    assert "No space left on device" in caplog.text
    assert len(lasting_key(load(None).config, tmp_path)) == 32
    assert (tmp_path / "site.key").exists()


def test_where_the_state_stands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Systemd's directory comes first; the first of several counts; an ordinary user has XDG's."""
    monkeypatch.setenv("STATE_DIRECTORY", f"{tmp_path}:/elsewhere")
    assert state_directory() == tmp_path
    monkeypatch.delenv("STATE_DIRECTORY")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert state_directory() == tmp_path / "state" / "gatepost"
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert state_directory() == Path("/var/lib/gatepost")


def test_who_has_no_home_has_the_systems_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A number without an account, as containers give one, is no reason to fail: commands that need no state go on."""
    for name in ("STATE_DIRECTORY", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.geteuid", lambda: 12345)
    monkeypatch.setattr(Path, "home", Mock(side_effect=RuntimeError("Could not determine home directory.")))
    assert state_directory() == Path("/var/lib/gatepost")


def test_a_case_names_its_files() -> None:
    """A case without an .smtp file has an empty envelope: the corpus' defaults are in its files, not in code."""
    envelope = Case(Path("nowhere")).envelope()
    assert (envelope.sender, envelope.client.ip, envelope.recipients) == (None, None, ())


def test_a_list_of_hashes_that_is_missing_stops_the_start(tmp_path: Path) -> None:
    """A site whose list of blocked files cannot be read is told so in one line, and does not run without it."""
    config = tmp_path / "site.toml"
    config.write_text(f'[attachments]\nblocked_file = "{tmp_path}/absent"\n')
    with pytest.raises(AssemblyError, match=f"{tmp_path}/absent: cannot be read"):
        lineup(load(config).config, doors())


def test_a_misspelt_attachment_rule_is_told_with_its_line(tmp_path: Path) -> None:
    """A rule that could never apply is an error of the config, with the place where it stands."""
    config = tmp_path / "site.toml"
    config.write_text('[attachments]\nunpack_depth = 3\n[attachments.policy]\n"attachment.makro" = "hold"\n')
    with pytest.raises(ConfigError, match=r"'attachment\.makro' is no attachment code"):
        load(config)
