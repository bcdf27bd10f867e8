"""Evidence to verdict: excuse, weigh, add up, compare, and let forced actions have the last word.

Pure: the same policy and evidence give the same verdict, so a config can be replayed over stored evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import assert_never

from gatepost.decision.explain import quarantine_reason, refusal
from gatepost.decision.policy import BULK, DOUBTED, SEVERITY, Action, Policy
from gatepost.evidence import Evidence
from gatepost.mail.envelope import Direction
from gatepost.verdict import Accept, Because, Defer, Label, Outcome, Quarantine, Reject, Verdict


def decide(policy: Policy, direction: Direction, evidence: Sequence[Evidence]) -> Verdict:
    """Give the verdict on a message from all that was found.

    Points are whole tenths, because tenths are what people are shown: the parts sum to the score exactly, in every place
    where they stand. A code counts once, at its greatest value: repeating a thing does not make it truer. What other
    evidence excuses neither weighs nor forces anything, and is named with its excuse.
    """
    there = {item.code for item in evidence}
    excused = {code: excuse for code in there if (excuse := policy.excuse(code, there))}
    counted = [item for item in evidence if item.code not in excused]
    weighed = weigh(policy, counted)
    score = sum(round(part.points * 10) for part in weighed) / 10
    because = (*weighed, *_pardons(policy, direction, evidence, excused))
    action, code = _action(policy, direction, counted, score)
    return Verdict(
        outcome=_outcome(action, code, evidence, because),
        score=score,
        because=because,
        label=_label(policy, score, evidence),
        probability=_probability(evidence),
        degraded=tuple(sorted({item.degraded for item in evidence if item.degraded})),
    )


def weigh(policy: Policy, evidence: Iterable[Evidence]) -> tuple[Because, ...]:
    """Give the parts of the score, the heaviest first; evidence that weighs nothing is not among them."""
    parts: dict[str, Because] = {}
    for item in evidence:
        tenths = round(policy.weights.get(item.code, 0.0) * item.value * 10)
        known = parts.get(item.code)
        if tenths and (known is None or abs(tenths) > abs(round(known.points * 10))):
            parts[item.code] = Because(item.code, tenths / 10, item.detail)
    return tuple(sorted(parts.values(), key=lambda part: (-abs(part.points), part.code)))


def _pardons(
    policy: Policy, direction: Direction, evidence: Iterable[Evidence], excused: Mapping[str, str]
) -> tuple[Because, ...]:
    """Give a part without points for each excused failure that would have counted, with the code that excused it."""
    parts: dict[str, Because] = {}
    for item in evidence:
        counts = policy.weights.get(item.code) or policy.action(item.code, direction) is not Action.ACCEPT
        if item.code in excused and counts:
            parts.setdefault(item.code, Because(item.code, 0.0, item.detail, excused[item.code]))
    return tuple(parts[code] for code in sorted(parts))


def _action(policy: Policy, direction: Direction, evidence: Sequence[Evidence], score: float) -> tuple[Action, str]:
    """Give the most severe action and the code that forced it, or "" where the score alone did.

    A refusal that an open excuse may still lift is put off: the sender tries again, and then it is known.
    """
    there = {item.code for item in evidence}
    thresholds = policy.thresholds
    chosen, because = Action.ACCEPT, ""
    if score >= thresholds.reject:
        chosen = Action.REJECT
    elif score >= thresholds.quarantine:
        chosen = Action.QUARANTINE
    for item in evidence:
        if item.code in DOUBTED and score < thresholds.greylist:
            continue
        forced = policy.action(item.code, direction)
        if forced is Action.REJECT and policy.open(item.code, there):
            forced = Action.DEFER
        if SEVERITY[forced] > SEVERITY[chosen]:
            chosen, because = forced, item.code
        elif forced is chosen is not Action.ACCEPT and not because:
            because = item.code
    return chosen, because


def _outcome(action: Action, code: str, evidence: Sequence[Evidence], because: Sequence[Because]) -> Outcome:
    """Make the outcome of an action, with the words that go with it."""
    cause = next((item for item in evidence if item.code == code), None) if code else None
    match action:
        case Action.ACCEPT:
            return Accept()
        case Action.QUARANTINE:
            return Quarantine(quarantine_reason(cause, because))
        case Action.DEFER:
            return Defer((4, 7, 1), refusal(cause, "try again later", final=False))
        case Action.REJECT:
            return Reject((5, 7, 1), refusal(cause, "message refused as spam", final=True))
    assert_never(action)


def _label(policy: Policy, score: float, evidence: Sequence[Evidence]) -> Label:
    """Say what the message was taken for: the score says whether it is unwanted, the classifier of which kind.

    What is not unwanted is bulk mail where it was sent as such, openly, whatever it reads like, or where it reads like it.
    """
    kind = next((item.facts["class"] for item in evidence if "class" in item.facts), Label.HAM.value)
    if score < policy.thresholds.tag:
        openly = any(item.code in BULK for item in evidence)
        return Label.BULK if openly or kind == Label.BULK else Label.HAM
    return Label.PHISH if kind == Label.PHISH else Label.SPAM


def _probability(evidence: Iterable[Evidence]) -> float | None:
    """Repeat the classifier's probability, or None when it had no opinion."""
    return next((float(item.facts["probability"]) for item in evidence if "probability" in item.facts), None)
