"""What a site does about a finding: by its code, by the file's extension or kind, by direction and recipients' domains.

The check only says what the site asks for: `attachment.hold`, `attachment.reject` and `attachment.strip` are evidence like all
other, and `[actions]` gives them their outcome.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from gatepost.checks.attachments.item import Item
from gatepost.checks.attachments.names import suffixes
from gatepost.mail.envelope import Direction, Envelope


class Treatment(StrEnum):
    """What is done about a finding or a file; the most severe one wins (listed mildest first)."""

    ALLOW = "allow"
    SCORE = "score"
    STRIP = "strip"
    HOLD = "hold"
    REJECT = "reject"


SEVERITY: Final[Mapping[Treatment, int]] = {treatment: rank for rank, treatment in enumerate(Treatment)}

Rules = Mapping[str, Treatment]
"""Treatments by evidence code (`attachment.macro`), extension (`.iso`) or kind (`pe`)."""

TYPE_CODES: Final = frozenset(
    f"attachment.{word}"
    for word in ("executable", "script", "source", "shortcut", "weblink", "image", "onenote", "activehtml")
)
"""Findings that a file has by being of its type: a rule for its extension or kind takes their place."""

INBOUND: Final[Rules] = {
    "attachment.blocked-hash": Treatment.REJECT,
    "attachment.executable": Treatment.HOLD,
    "attachment.script": Treatment.HOLD,
    "attachment.shortcut": Treatment.HOLD,
    "attachment.image": Treatment.HOLD,
    "attachment.double-extension": Treatment.HOLD,
    "attachment.hidden-extension": Treatment.HOLD,
    "attachment.mismatch": Treatment.HOLD,
    "attachment.smuggled": Treatment.HOLD,
    "attachment.equation": Treatment.HOLD,
    "attachment.template": Treatment.HOLD,
    "attachment.remote-object": Treatment.HOLD,
    "attachment.dde": Treatment.HOLD,
    "attachment.launch": Treatment.HOLD,
    "attachment.bomb": Treatment.HOLD,
    "attachment.ambiguous-mail": Treatment.HOLD,
}
"""The built-in rules for mail from outside; what is not named scores."""

OUTBOUND: Final[Rules] = {"attachment.blocked-hash": Treatment.REJECT, "attachment.bomb": Treatment.HOLD}
"""The built-in rules for mail of own users and networks."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What is done about one file, by which rule, and for whose sake ("" where it is the same for all recipients)."""

    treatment: Treatment
    rule: str
    domain: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of a site: for each direction, and what single domains of recipients have otherwise.

    A domain's rules are laid over those of the direction; a domain stands for itself alone, not for names below it.
    """

    inbound: Rules
    outbound: Rules
    domains: Mapping[str, Rules]

    def layers(self, envelope: Envelope) -> tuple[tuple[str, Rules], ...]:
        """Give the rules that apply to a message, each with the domain whose they are; each set once."""
        common = self.inbound if envelope.direction is Direction.INBOUND else self.outbound
        asked = dict.fromkeys(recipient.domain for recipient in envelope.recipients)
        special = [(domain, {**common, **self.domains[domain]}) for domain in asked if domain in self.domains]
        usual = not special or any(domain not in self.domains for domain in asked)
        return (*([("", common)] if usual else []), *special)


@dataclass(frozen=True, slots=True)
class Judged:
    """A file with what the policy leaves of its findings: the codes that count, and the most severe ruling."""

    item: Item
    codes: frozenset[str]
    ruling: Ruling

    @classmethod
    def of(cls, item: Item, layers: Iterable[tuple[str, Rules]]) -> Self:
        """Judge one file under the rules of all recipients."""
        rulings: list[Ruling] = []
        counted: set[str] = set()
        for domain, rules in layers:
            found = _findings(item, rules)
            counted |= {code for code, treatment in found.items() if treatment is not Treatment.ALLOW}
            rulings += [Ruling(treatment, rule, domain) for rule, treatment in found.items()]
        counted = {code for code in counted if code.startswith("attachment.")}
        return cls(item, frozenset(counted), _worst(rulings))


def _findings(item: Item, rules: Rules) -> dict[str, Treatment]:
    """Give the treatment of each finding of a file, and of the file itself where a rule names its extension or kind."""
    codes = {finding.code for finding in item.findings}
    own, whole = _own(item, rules)
    given = {code: rules.get(code, Treatment.SCORE) for code in codes}
    if own and whole:
        given |= {code: min(rules[own], Treatment.SCORE, key=SEVERITY.__getitem__) for code in codes & TYPE_CODES}
    if own:
        given[own] = rules[own]
    return given


def _own(item: Item, rules: Rules) -> tuple[str, bool]:
    """Give the key of the rule for a file's extension, or else for its kind, "" where there is none; and whether it speaks of all names.

    The longest ending that a rule names counts. Of several names of one file the one that is treated worst does. A name that no
    rule speaks of is treated as its findings are: to allow `.txt` does not allow what is also called `.exe`.
    """
    endings = [found for name in (item.name, *item.other_names) if (found := tuple(suffixes(name)))]
    named = [next((ending for ending in each if ending in rules), "") for each in endings]
    worst = max(filter(None, named), key=lambda key: SEVERITY[rules[key]], default="")
    if worst and (all(named) or SEVERITY[rules[worst]] > SEVERITY[Treatment.SCORE]):
        return worst, all(named)
    return (item.kind if item.kind in rules else ""), True


def _worst(rulings: Collection[Ruling]) -> Ruling:
    """Give the most severe ruling; for all recipients where several agree."""
    if not rulings:
        return Ruling(Treatment.SCORE, "")
    severest = max(SEVERITY[ruling.treatment] for ruling in rulings)
    worst = sorted(
        (ruling for ruling in rulings if SEVERITY[ruling.treatment] == severest), key=lambda ruling: ruling.rule
    )
    return next((ruling for ruling in worst if not ruling.domain), worst[0])
