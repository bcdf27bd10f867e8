"""What a site does about findings: by code, extension, kind, direction and recipients' domains."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from gatepost.checks.attachments.family import Settings, build
from gatepost.checks.attachments.hashes import HashListError, load_hashes
from gatepost.checks.attachments.item import Finding, Item
from gatepost.checks.attachments.policy import INBOUND, OUTBOUND, Judged, Policy, Treatment
from gatepost.checks.attachments.unpacker import FakeUnpacker
from gatepost.mail import file_limits
from gatepost.mail.address import parse_path
from gatepost.mail.envelope import Direction, Envelope

MACRO = Finding("attachment.macro", "holds macros")
PROGRAM = Finding("attachment.executable", "is a Windows program")
HIDDEN = Finding("attachment.hidden-extension", "hides its extension")


def item(*findings: Finding, name: str = "tool.exe", kind: str = "pe") -> Item:
    """Give a file with findings."""
    return Item(2, (name,), "", kind, 100, "0" * 64, findings)


def to(*recipients: str, direction: Direction = Direction.INBOUND) -> Envelope:
    """Give an envelope with recipients."""
    return Envelope(
        recipients=tuple(filter(None, (parse_path(each.encode()) for each in recipients))), direction=direction
    )


def judged(policy: Policy, envelope: Envelope, file: Item) -> Judged:
    """Judge one file of a message."""
    return Judged.of(file, policy.layers(envelope))


def site(**settings: object) -> Policy:
    """Give the policy of a config."""
    given = Settings.model_validate(settings)
    return Policy(given.policy, given.outbound, given.domains)


def test_without_rules_everything_scores() -> None:
    """A finding that no rule names counts and forces nothing."""
    result = judged(Policy({}, {}, {}), to("a@b.example"), item(MACRO))
    assert result.codes == {"attachment.macro"}
    assert result.ruling.treatment is Treatment.SCORE


def test_the_most_severe_rule_wins() -> None:
    """Of several findings of one file the one that is treated worst decides, and is named."""
    policy = Policy({"attachment.macro": Treatment.STRIP, "attachment.executable": Treatment.REJECT}, {}, {})
    ruling = judged(policy, to("a@b.example"), item(MACRO, PROGRAM)).ruling
    assert (ruling.treatment, ruling.rule) == (Treatment.REJECT, "attachment.executable")


def test_allowing_a_code_takes_the_finding_away() -> None:
    """What is allowed neither forces nor weighs anything."""
    policy = site(policy={"attachment.executable": "allow"})
    result = judged(policy, to("a@b.example"), item(PROGRAM, MACRO))
    assert result.codes == {"attachment.macro"}
    assert result.ruling.treatment is Treatment.SCORE


def test_allowing_an_extension_allows_the_type_and_no_trick() -> None:
    """A rule for `.exe` speaks of programs; a name that hides what it is stays a finding."""
    policy = site(policy={".exe": "allow"})
    assert judged(policy, to("a@b.example"), item(PROGRAM)).ruling.treatment is Treatment.ALLOW
    hidden = judged(policy, to("a@b.example"), item(PROGRAM, HIDDEN))
    assert hidden.codes == {"attachment.hidden-extension"}
    assert hidden.ruling.treatment is Treatment.HOLD


@pytest.mark.parametrize("key", [".exe", ".EXE", "pe"])
def test_a_rule_may_name_an_extension_or_a_kind(key: str) -> None:
    """Files can be refused by name and by content alone, without any finding."""
    ruling = judged(site(policy={key: "reject"}), to("a@b.example"), item()).ruling
    assert (ruling.treatment, ruling.rule) == (Treatment.REJECT, key.lower())


def test_a_rule_for_an_extension_reads_every_name() -> None:
    """What a file may be called besides is refused like its first name, and is not excused by a rule for that."""
    two = replace(item(PROGRAM, name="report.docx"), other_names=("report.docm",))
    assert judged(site(policy={".docm": "reject"}), to("a@b.example"), two).ruling.treatment is Treatment.REJECT
    assert judged(site(policy={".docm": "strip"}), to("a@b.example"), two).ruling.treatment is Treatment.HOLD
    excused = site(policy={".docx": "allow"})
    assert judged(excused, to("a@b.example"), two).ruling.treatment is Treatment.HOLD
    assert judged(excused, to("a@b.example"), item(PROGRAM, name="report.docx")).ruling.treatment is Treatment.ALLOW


def test_a_rule_may_name_an_ending_of_several_parts() -> None:
    """The longest ending that a rule names counts: `.tar.gz` applies to nothing that is `.gz` alone."""
    policy = site(policy={".tar.gz": "reject", ".gz": "allow"})
    assert judged(policy, to("a@b.example"), item(name="A.Tar.GZ")).ruling.treatment is Treatment.REJECT
    assert judged(policy, to("a@b.example"), item(name="log.gz")).ruling.treatment is Treatment.ALLOW


def test_recipients_of_different_domains() -> None:
    """The most severe rule among the recipients' domains decides, and says whose it is; a domain that allows alone is heard."""
    policy = site(
        domains={"Strict.example": {"attachment.macro": "reject"}, "open.example": {"attachment.macro": "allow"}}
    )
    both = judged(policy, to("a@open.example", "b@strict.example"), item(MACRO)).ruling
    assert (both.treatment, both.domain) == (Treatment.REJECT, "strict.example")
    assert judged(policy, to("a@open.example"), item(MACRO)).codes == frozenset()
    assert judged(policy, to("a@open.example", "b@other.example"), item(MACRO)).codes == {"attachment.macro"}
    assert judged(policy, to("a@sub.strict.example"), item(MACRO)).ruling.treatment is Treatment.SCORE


def test_a_rule_of_all_recipients_names_nobody() -> None:
    """Where the common rule decides as a domain's does, it is the common one that is told."""
    policy = site(policy={"attachment.macro": "hold"}, domains={"b.example": {"attachment.macro": "hold"}})
    assert judged(policy, to("a@b.example", "c@d.example"), item(MACRO)).ruling.domain == ""


def test_mail_of_own_users_has_rules_of_its_own() -> None:
    """A program that an own user sends is not held unless the site asks for it."""
    envelope = to("a@b.example", direction=Direction.OUTBOUND)
    assert judged(site(), envelope, item(PROGRAM)).ruling.treatment is Treatment.SCORE
    assert judged(site(outbound={".exe": "hold"}), envelope, item(PROGRAM)).ruling.treatment is Treatment.HOLD


def test_own_rules_are_merged_over_the_built_in_ones() -> None:
    """Naming one code drops no other."""
    settings = Settings.model_validate({"policy": {"attachment.macro": "hold"}})
    assert settings.policy == {**INBOUND, "attachment.macro": Treatment.HOLD}
    assert settings.outbound == OUTBOUND


@pytest.mark.parametrize(
    "rules",
    [
        {"attachment.makro": "hold"},
        {"exe": "hold"},
        {".": "hold"},
        {".a b": "hold"},
        {"attachment.macro": "quarantine"},
    ],
)
def test_a_rule_that_could_never_apply_is_refused(rules: dict[str, str]) -> None:
    """A misspelt code, an extension without its dot and an unknown treatment are told at start."""
    for settings in ({"policy": rules}, {"outbound": rules}, {"domains": {"a.example": rules}}):
        with pytest.raises(ValidationError):
            Settings.model_validate(settings)


def test_a_list_of_hashes_reads_what_sha256sum_prints(tmp_path: Path) -> None:
    """Names behind the hashes, comments, empty lines and capitals do no harm; inline ones are added."""
    one, two, three = (hashlib.sha256(bytes([number])).hexdigest() for number in range(3))
    file = tmp_path / "list"
    file.write_text(f"# known bad\n\n{one}  invoice.exe\n{two.upper()} *b\n")
    assert load_hashes((three.upper(),), str(file)) == {one, two, three}


def test_a_list_that_cannot_be_used_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing file, a line that is no hash and an absurd size stop the start with the file's name."""
    file = tmp_path / "list"
    with pytest.raises(HashListError, match="cannot be read"):
        load_hashes((), str(file))
    file.write_text("d41d8cd98f00b204e9800998ecf8427e  md5\n")
    with pytest.raises(HashListError, match=f"{file}:1: not a SHA-256"):
        build(Settings(blocked_file=str(file)), FakeUnpacker())
    monkeypatch.setattr(file_limits, "HASH_LIST_BYTES", 10)
    with pytest.raises(HashListError, match="larger than"):
        load_hashes((), str(file))


def test_switched_off_nothing_is_opened() -> None:
    """A site that wants no files opened has none opened; the structure of the message is still read."""
    assert [check.name for check in build(Settings(enabled=False), FakeUnpacker())] == ["mime"]
