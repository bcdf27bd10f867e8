"""A chain of ARC seals (RFC 8617 5.2): is it whole, who sealed, and what does each set say.

Keys, their restrictions, canonical forms and what is tolerated are the same here as for DKIM. Whether anybody in the chain may be
believed is not asked here. dkimpy's own chain is not used: it finds a message signature by its spelling (` i=1;`), takes the fields
of a set in the order in which they stand, and calls a chain that was sealed as broken none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gatepost.checks.auth.arc_sets import Seal, SealedSet, UnsoundError, read_sets
from gatepost.checks.auth.dkim import Rules, latest, short, unfit_for, verify
from gatepost.checks.auth.dkim_key import NoKey, fetch_key
from gatepost.checks.auth.dkim_signature import Signature
from gatepost.checks.auth.signed import Claim, SignedMessage, signs
from gatepost.evidence import Status
from gatepost.mail import limits
from gatepost.mail.header import Header
from gatepost.world.clock import Clock, SystemClock
from gatepost.world.dns.door import Resolver


@dataclass(frozen=True, slots=True)
class ArcSet:
    """One set: who sealed it, what that hop found, and whether its signature still holds for the message at hand.

    `names_author` is whether that signature covers the From field: without it a chain holds for any author.
    """

    instance: int
    sealer: str
    results: bytes
    holds: bool
    names_author: bool


@dataclass(frozen=True, slots=True)
class Chain:
    """A judged chain: `sets` newest first, `sealer` the domain of the last seal, `oldest_pass` as RFC 8617 5.2."""

    status: Status
    reason: str
    sets: tuple[ArcSet, ...] = ()
    oldest_pass: int | None = None

    @property
    def sealer(self) -> str:
        """The domain of the last seal, or ""."""
        return self.sets[0].sealer if self.sets else ""


def verify_chain(signed: SignedMessage, resolver: Resolver, rules: Rules, clock: Clock | None = None) -> Chain:
    """Judge the whole chain of a message (RFC 8617 5.2); without a `clock` by the system's."""
    try:
        sets = read_sets(signed.message.headers)
    except UnsoundError as unsound:
        return Chain(Status.FAIL, unsound.reason)
    if not sets:
        return Chain(Status.NONE, "there is no chain")
    return _Judge(signed, resolver, rules, clock or SystemClock()).judge(sets)


@dataclass(frozen=True, slots=True)
class _Judge:
    """One message's chain and what it takes to judge it."""

    signed: SignedMessage
    resolver: Resolver
    rules: Rules
    clock: Clock

    def judge(self, sets: Sequence[SealedSet]) -> Chain:
        """Judge sets, oldest first (RFC 8617 5.2 steps 2 to 6). Any fault outweighs DNS that is silent."""
        newest = sets[-1]
        if fault := _claimed_fault(sets):
            return Chain(Status.FAIL, fault, _told(sets, {}))
        trouble = ""
        holds = self._holds(newest)
        if holds is Status.FAIL:
            return Chain(Status.FAIL, f"message signature {newest.instance} does not hold", _told(sets, {}))
        if holds is Status.TEMPERROR:
            trouble = f"the key of message signature {newest.instance} could not be fetched"
        for number in range(len(sets), 0, -1):
            sealed = self._sealed(sets[:number])
            if sealed is Status.FAIL:
                return Chain(Status.FAIL, f"seal {number} does not match", _told(sets, {}))
            if sealed is Status.TEMPERROR:
                trouble = trouble or f"the key of seal {number} could not be fetched"
        held = {newest.instance: holds is Status.PASS}
        if len(sets) <= limits.ARC_OPTIONAL_SETS:
            held |= {each.instance: self._holds(each) is Status.PASS for each in sets[:-1]}
        if trouble:
            return Chain(Status.TEMPERROR, trouble, _told(sets, held))
        return Chain(Status.PASS, "every seal matches", _told(sets, held), _oldest_pass(held))

    def _holds(self, of: SealedSet) -> Status:
        """Say whether the message signature of a set holds: pass, fail, or temperror while its key cannot be had."""
        if not isinstance(of.signature, Signature):
            return Status.FAIL
        judged = verify(of.signature, self.signed, self.resolver, self.clock, self.rules)
        return judged.status if judged.status in (Status.PASS, Status.TEMPERROR) else Status.FAIL

    def _sealed(self, sets: Sequence[SealedSet]) -> Status:
        """Say whether the seal of the last of these sets covers them all: pass, fail or temperror."""
        seal = sets[-1].seal
        key = fetch_key(self.resolver, seal.domain, seal.selector)
        if isinstance(key, NoKey):
            return key.status if key.status is Status.TEMPERROR else Status.FAIL
        if unfit_for(key, seal.algorithm) or key.bits > limits.RSA_KEY_BITS_MAX or short(key, self.rules):
            return Status.FAIL
        if seal.signed_at is not None and seal.signed_at > latest(self.clock.now(), self.rules):
            return Status.FAIL
        return Status.PASS if signs(_claim(seal), self.signed, _covered(sets), key) else Status.FAIL


def _claim(seal: Seal) -> Claim:
    """Give what a seal claims: only the relaxed form is for seals (RFC 8617 4.1.3)."""
    return Claim(seal.field, seal.algorithm, b"relaxed", seal.octets)


def _covered(sets: Sequence[SealedSet]) -> list[Header]:
    """Give the fields that the seal of the last of these sets covers, but for its own (RFC 8617 5.1.1)."""
    return [field for each in sets for field in each.fields][:-1]


def _claimed_fault(sets: Sequence[SealedSet]) -> str:
    """Say what the sealers themselves say against the chain (RFC 8617 5.2 steps 2 and 3C), or ""."""
    for each in reversed(sets):
        said = each.seal.validation
        if said == b"fail":
            return f"seal {each.instance} says that the chain was broken"
        if said != (b"none" if each.instance == 1 else b"pass"):
            return f"seal {each.instance} says what it may not say"
    return ""


def _told(sets: Sequence[SealedSet], held: dict[int, bool]) -> tuple[ArcSet, ...]:
    """Give the sets, newest first, with which message signatures hold."""
    return tuple(
        ArcSet(
            each.instance,
            each.seal.domain,
            each.results.value,
            held.get(each.instance, False),
            isinstance(each.signature, Signature) and b"from" in each.signature.names,
        )
        for each in reversed(sets)
    )


def _oldest_pass(held: dict[int, bool]) -> int | None:
    """Give the oldest instance down to which all message signatures hold, 0 when all do (RFC 8617 5.2 step 5).

    None where the older ones were not looked at.
    """
    newest = max(held)
    if len(held) < newest:
        return None
    broken = [instance for instance, holds in held.items() if not holds]
    return max(broken) + 1 if broken else 0
