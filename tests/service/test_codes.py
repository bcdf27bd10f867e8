"""Evidence codes: the one key that weights, actions, replies, headers and docs share."""

from __future__ import annotations

import pytest

from gatepost.decision.decide import decide
from gatepost.decision.explain import _REFUSALS
from gatepost.decision.policy import UNSCANNED, Actions, Policy, Thresholds
from gatepost.decision.weights import WEIGHTS
from gatepost.evidence import Evidence, Status
from gatepost.mail.envelope import Direction
from gatepost.service.codes import FAMILIES, known_codes
from gatepost.verdict import Accept

AUTHENTICATION = ("iprev", "spf", "dkim", "arc")


def test_every_check_can_fail_and_be_late() -> None:
    """Beside what a check emits itself, the pipeline's two codes are known for each check, so that they can be weighed."""
    checks = {code.partition(".")[0] for family in FAMILIES.values() for code in family}
    for check in checks:
        assert {f"{check}.error", f"{check}.timeout"} <= set(known_codes())


def test_families_share_no_code() -> None:
    """A code belongs to one check of one family."""
    owners = [code.partition(".")[0] for family in FAMILIES.values() for code in dict.fromkeys(family)]
    families = {name: {code.partition(".")[0] for code in family} for name, family in FAMILIES.items()}
    assert sum(len(checks) for checks in families.values()) == len(set(owners))


def test_replies_name_known_codes() -> None:
    """The texts that senders are refused with belong to codes that exist."""
    assert set(_REFUSALS) <= set(known_codes())


@pytest.mark.parametrize("code", sorted(set(WEIGHTS) - {"virus.infected"}))
def test_no_single_opinion_refuses(code: str) -> None:
    """Nothing but a virus reaches the refusal alone, at its full value."""
    assert WEIGHTS[code] < Thresholds().reject


def test_broken_authentication_alone_marks_nothing() -> None:
    """Forwarders and lists break SPF, DKIM and iprev every day: all of that together stays below the mark."""
    worst = [
        max((WEIGHTS.get(code, 0.0), code) for code in known_codes() if code.startswith(f"{check}."))
        for check in AUTHENTICATION
    ]
    evidence = [Evidence(code.partition(".")[0], code, Status.FAIL) for _, code in worst]
    assert decide(Policy(), Direction.INBOUND, evidence).score < Thresholds().tag


@pytest.mark.parametrize(
    "code", sorted(code for code in known_codes() if code.endswith((".error", ".timeout", ".temperror")))
)
def test_trouble_of_our_own_is_held_against_nobody(code: str) -> None:
    """What did not answer, failed or came too late gives no points and forces nothing on inbound mail."""
    verdict = decide(
        Policy(), Direction.INBOUND, [Evidence(code.partition(".")[0], code, Status.TEMPERROR, degraded="dns")]
    )
    assert (verdict.score, verdict.outcome, verdict.degraded) == (0.0, Accept(), ("dns",))


def test_default_actions_are_those_of_the_design() -> None:
    """An infected message is refused both ways; a scanner that is away lets inbound mail in and puts outbound mail off."""
    actions = Actions()
    assert (actions.inbound["virus.infected"], actions.outbound["virus.infected"]) == ("reject", "reject")
    for away in UNSCANNED:
        assert (actions.inbound[away], actions.outbound[away]) == ("accept", "defer")
