"""A chain of ARC seals (RFC 8617 5.2): is it whole, who sealed, and what does each set say.

dkimpy knows the rules of the chain; keys, their restrictions and body hashes are the same here as for DKIM, and so is what
is tolerated. Whether anybody in the chain may be believed is not asked here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import time
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

import dkim
from dkim.crypto import ARC_HASH_ALGORITHMS

from gatepost.checks.auth.dkim import Rules, short
from gatepost.checks.auth.dkim_key import NoKey, fetch_key
from gatepost.checks.auth.dkim_signature import readable
from gatepost.checks.auth.signed import SILENT, Claim, SignedMessage, verifies
from gatepost.checks.auth.tags import without_space
from gatepost.evidence import Status
from gatepost.mail import limits
from gatepost.mail.domain import normal_domain, normal_labels
from gatepost.world.dns.door import Resolver

# RFC 8463 gave DKIM, and so ARC, Ed25519; dkimpy knows it for DKIM alone.
ARC_HASH_ALGORITHMS.setdefault(b"ed25519-sha256", hashlib.sha256)

_now: Final[ContextVar[float | None]] = ContextVar("now", default=None)


class _Time:
    """The clock as dkimpy reads it when it judges `t=` and `x=`: ours while a chain is verified, else the system's."""

    @staticmethod
    def time() -> float:
        """Give the seconds since 1970."""
        now = _now.get()
        return time.time() if now is None else now


dkim.time = _Time

_FIELDS: Final = (b"arc-seal", b"arc-message-signature", b"arc-authentication-results")


@dataclass(frozen=True, slots=True)
class ArcSet:
    """One set: who sealed it, what that hop found, and whether its signature still holds for the message at hand."""

    instance: int
    sealer: str
    results: bytes
    holds: bool


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


class _Arc(dkim.ARC):  # type: ignore[misc]
    """dkimpy's chain logic over our parsed fields, our keys and our body hashes."""

    def __init__(self, signed: SignedMessage, resolver: Resolver, rules: Rules) -> None:
        super().__init__(logger=SILENT)
        self.headers = signed.fields(frozenset(_FIELDS))
        self._signed, self._resolver, self._rules = signed, resolver, rules
        self.newest = self.sorted_arc_headers()[0]
        self.trouble = ""
        self.fault = False

    def verify_sig(
        self, sig: dict[bytes, bytes], include_headers: list[bytes], sig_header: tuple[bytes, bytes], dnsfunc: object
    ) -> bool:
        """Verify one seal or message signature; called by dkimpy for each.

        The message signatures of older hops may be broken; any other that fails is a fault, or trouble while DNS is silent.
        """
        del dnsfunc  # keys come through our door
        older = b"bh" in sig and int(sig[b"i"]) != self.newest
        if older and self.newest > limits.ARC_OPTIONAL_SETS:
            return False
        answer = self._holds(sig, include_headers, sig_header)
        if isinstance(answer, NoKey):
            self.trouble = self.trouble or ("" if older else answer.reason)
            return False
        self.fault = self.fault or not (answer or older)
        return answer

    def _holds(
        self, sig: dict[bytes, bytes], include_headers: list[bytes], sig_header: tuple[bytes, bytes]
    ) -> bool | NoKey:
        """Say whether one seal or message signature is right, or why its key is not known now."""
        message_signature = b"bh" in sig
        domain, selector = _domain(sig[b"d"]), normal_labels(sig[b"s"].decode("utf-8", "replace"))
        if not domain or not selector or len(include_headers) > limits.DKIM_SIGNED_NAMES:
            return False
        header_canon, _, body_canon = sig[b"c"].partition(b"/")
        if not {header_canon, body_canon or b"simple"} <= {b"relaxed", b"simple"}:
            return False
        if message_signature and not self._same_body(sig, body_canon or b"simple"):
            return False
        key = fetch_key(self._resolver, domain, selector)
        if isinstance(key, NoKey):
            return key if key.status is Status.TEMPERROR else False
        if not sig[b"a"].startswith(key.kind + b"-") or key.bits > limits.RSA_KEY_BITS_MAX or short(key, self._rules):
            return False
        if key.hashes is not None and b"sha256" not in key.hashes:
            return False
        wanted = self._signed.fields(frozenset(include_headers)) if message_signature else self.headers
        mark = without_space(sig[b"b"])
        return verifies(Claim(sig_header, include_headers, sig[b"a"], header_canon, mark), wanted, key)

    def _same_body(self, sig: Mapping[bytes, bytes], canon: bytes) -> bool:
        """Compare the hash of the body; a part of the body alone does not count."""
        try:
            claimed = base64.b64decode(without_space(sig[b"bh"]), validate=True)
        except binascii.Error:
            return False
        if b"l" in sig and int(sig[b"l"] or b"0") != len(self._signed.body(canon)):
            return False
        return self._signed.body_hash(canon) == claimed


def verify_chain(signed: SignedMessage, resolver: Resolver, rules: Rules, now: float | None = None) -> Chain:
    """Judge the whole chain of a message (RFC 8617 5.2); `now` in seconds since 1970, None for the system's time."""
    fields = [header for header in signed.message.headers if header.key in _FIELDS]
    if not fields:
        return Chain(Status.NONE, "there is no chain")
    if len(fields) > limits.ARC_SETS * len(_FIELDS):
        return Chain(Status.FAIL, "there are too many sets")
    if not all(readable(field) for field in fields if field.key != _FIELDS[2]):
        return Chain(Status.FAIL, "a field of the chain is out of bounds")
    arc = _Arc(signed, resolver, rules)
    token = _now.set(now)
    try:
        result, sets, reason = arc.verify(dnsfunc=None)
    except (dkim.DKIMException, ValueError, IndexError, KeyError) as error:
        result, sets, reason = dkim.CV_Fail, [], f"it cannot be read ({type(error).__name__})"
    finally:
        _now.reset(token)
    told = tuple(_told(each) for each in sets)
    if result != dkim.CV_Pass and arc.trouble and not arc.fault and _in_order(sets, arc.newest):
        return Chain(Status.TEMPERROR, arc.trouble, told)
    # dkimpy gives None for a chain whose sealer itself reported a failure: that is a fail (RFC 8617 5.2 step 3).
    status = {dkim.CV_Pass: Status.PASS, dkim.CV_None: Status.NONE}.get(result, Status.FAIL)
    return Chain(status, str(reason), told, _oldest_pass(sets) if status is Status.PASS else None)


def _told(found: Mapping[str, Any]) -> ArcSet:
    """Give one set of dkimpy's in our words."""
    return ArcSet(found["instance"], _domain(found["as-domain"]), found["aar-value"], bool(found["ams-valid"]))


def _in_order(sets: Sequence[Mapping[str, Any]], count: int) -> bool:
    """Say whether all sets are there and claim what they may (RFC 8617 5.2 step 3): then silent DNS alone is in the way."""
    return len(sets) == count and all(
        each["cv"] == (dkim.CV_None if each["instance"] == 1 else dkim.CV_Pass) for each in sets
    )


def _domain(value: bytes) -> str:
    """Read a d= value, or give ""."""
    return normal_domain(value.decode("utf-8", "replace"))


def _oldest_pass(sets: Sequence[Mapping[str, Any]]) -> int | None:
    """Give the oldest instance whose message signature still holds, 0 when all do (RFC 8617 5.2 step 5)."""
    if len(sets) > limits.ARC_OPTIONAL_SETS:
        return None
    oldest = 0
    for each in sets:
        if not each["ams-valid"]:
            return oldest
        oldest = each["instance"]
    return 0
