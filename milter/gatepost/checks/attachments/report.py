"""Files and rulings to evidence: one finding per code, one line per file, one per outcome that the site asks for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from gatepost.checks.attachments.item import Finding, Item
from gatepost.checks.attachments.policy import Judged, Ruling, Treatment
from gatepost.evidence import Evidence, Status
from gatepost.mail import file_limits

CHECK: Final = "attachment"
_WHOLE: Final = 0
"""The part number of what concerns the whole message; parts count from 1."""
_TROUBLE: Final = frozenset({"attachment.error", "attachment.timeout"})
_ASKED: Final = {Treatment.REJECT: "reject", Treatment.HOLD: "hold", Treatment.STRIP: "strip"}


def shown_path(item: Item) -> str:
    """Give where a file lies, for people: the names from the attachment down to it."""
    return " > ".join(name or "(unnamed)" for name in item.path)


def whole(trouble: tuple[Finding, ...]) -> tuple[Item, ...]:
    """Give what concerns all files of a message together as if it were one of them, so that the same rules apply."""
    return (Item(_WHOLE, ("The message",), "", "", 0, "", trouble),) if trouble else ()


def evidence_of(judged: Sequence[Judged], unstrippable: frozenset[int]) -> Iterator[Evidence]:
    """Give the evidence about a message's files.

    `unstrippable` are the parts whose names cannot be changed: for them the site's wish to strip the name becomes one to hold.
    """
    for each in judged[: file_limits.FILES_TOLD]:
        if each.item.part != _WHOLE:
            yield _file(each.item)
    yield from _findings(judged)
    yield from _rulings(judged, unstrippable)


def _file(item: Item) -> Evidence:
    """Write down one file: its path, hash, kind and size."""
    facts = {
        "file": shown_path(item),
        "sha256": item.sha256,
        "kind": item.kind,
        "size": str(item.size),
        "part": str(item.part),
    }
    if item.declared:
        facts["declared"] = item.declared
    return Evidence(
        CHECK, "attachment.file", Status.NONE, f"{shown_path(item)} ({item.kind}, {item.size:,} bytes)", facts=facts
    )


def _findings(judged: Sequence[Judged]) -> Iterator[Evidence]:
    """Give each code once, with the first file that has it and the number of the others."""
    first: dict[str, tuple[Finding, Item]] = {}
    count: dict[str, int] = {}
    for each in judged:
        for finding in each.item.findings:
            if finding.code in each.codes:
                first.setdefault(finding.code, (finding, each.item))
                count[finding.code] = count.get(finding.code, 0) + 1
    for code, (finding, item) in first.items():
        more = f" (and {count[code] - 1} more like it)" if count[code] > 1 else ""
        facts = {"file": shown_path(item), "sha256": item.sha256, "kind": item.kind}
        yield _finding(finding, f"{shown_path(item)} {finding.detail}{more}.", facts)


def _finding(finding: Finding, sentence: str, facts: dict[str, str]) -> Evidence:
    if finding.code in _TROUBLE:
        return Evidence(CHECK, finding.code, Status.TEMPERROR, sentence, facts=facts, degraded=CHECK)
    return Evidence(CHECK, finding.code, Status.POLICY, sentence, facts=facts)


def _rulings(judged: Sequence[Judged], unstrippable: frozenset[int]) -> Iterator[Evidence]:
    """Give what the site asks for: the first file of each outcome, and for names to strip the parts they belong to."""
    told: dict[str, Evidence] = {}
    parts: dict[int, None] = {}
    for each in judged:
        word = _ASKED.get(each.ruling.treatment)
        if word is None:
            continue
        reason = _reason(each.ruling)
        if word == "strip" and each.item.part in unstrippable:
            word, reason = "hold", f"{reason}, and the name cannot be changed in this message"
        if word == "strip":
            parts.setdefault(each.item.part, None)
        told.setdefault(
            word, Evidence(CHECK, f"attachment.{word}", Status.POLICY, f"{shown_path(each.item)}: {reason}.")
        )
    for word, evidence in told.items():
        facts = {"parts": ",".join(map(str, parts))} if word == "strip" else {}
        yield Evidence(CHECK, evidence.code, evidence.status, evidence.detail, facts=facts)


def _reason(ruling: Ruling) -> str:
    verb = {Treatment.REJECT: "refused", Treatment.HOLD: "held", Treatment.STRIP: "given a harmless name"}
    whose = f" of recipients in {ruling.domain}" if ruling.domain else ""
    return f"{verb.get(ruling.treatment, '')} by the rule for {ruling.rule}{whose}"
