"""DMARC (RFC 9989): does somebody whom the From domain trusts vouch for this message.

SPF and DKIM each authenticate some domain; DMARC compares it with the one domain that people see, the author's. They are
aligned when they are the same (strict) or belong to one organization (relaxed). The author's domain also says what it
wishes for mail that fails. That wish is evidence, not a verdict: lists and forwarders break honest mail.

What DNS does not say now stays open: a fail is only called a fail when no answer could have turned it into a pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final

from gatepost.checks.auth.dkim_signature import Signature, parse_signature
from gatepost.checks.auth.dmarc_record import Policy, Record, Walk, walk
from gatepost.checks.auth.overrides import matching
from gatepost.checks.auth.settings import Override
from gatepost.checks.auth.spf import identity
from gatepost.evidence import Evidence, Found, Status
from gatepost.mail import limits
from gatepost.mail.address import AuthorProblem, author
from gatepost.mail.domain import normal_domain
from gatepost.mail.envelope import Direction, Envelope
from gatepost.mail.message import Message
from gatepost.world.dns.door import NoSuchName, Question, RecordType, Resolver, TempFailure

CODES: Final[Mapping[str, str]] = {
    "dmarc.pass": "A domain of the author's organization vouches for the message.",
    "dmarc.fail": "Nobody of the author's organization vouches for the message.",
    "dmarc.none": "The author's domain has no DMARC record.",
    "dmarc.temperror": "DNS did not answer, so DMARC could not be judged.",
    "dmarc.permerror": "There is no one author domain to judge.",
    "dmarc.quarantine": "DMARC failed and the author's domain asks to quarantine such mail.",
    "dmarc.reject": "DMARC failed and the author's domain asks to reject such mail.",
}


@dataclass(frozen=True, slots=True)
class Identifier:
    """A domain that SPF or DKIM spoke of: `method` is `spf` or `dkim`, `sure` is False when that method had no answer."""

    method: str
    domain: str
    sure: bool = True


@dataclass(frozen=True, slots=True)
class DmarcResult:
    """The answer: `policy` is what to apply after sp, np, psd and t; `aligned` the methods that vouch."""

    status: Status
    reason: str
    policy: Policy | None = None
    organization: str = ""
    policy_domain: str = ""
    aligned: tuple[str, ...] = ()


@dataclass(slots=True)
class _Trial:
    """One evaluation: the author's walk, and the walks made for identifiers, each name once."""

    resolver: Resolver
    home: Walk
    walks: dict[str, Walk] = field(default_factory=dict)

    def aligned(self, domain: str, *, strict: bool) -> bool | None:
        """Say whether a domain is aligned with the author's (RFC 9989 4.4); None when DNS leaves it open."""
        start = self.home.start
        if domain == start:
            return True
        if strict or domain.rpartition(".")[2] != start.rpartition(".")[2]:
            return False  # an organization above both would share their last label
        if not self.home.failed and not _within(domain, self.home.organization):
            return False
        if domain not in self.walks:
            if len(self.walks) >= limits.DMARC_IDENTIFIERS:
                return False
            self.walks[domain] = walk(self.resolver, domain)
        other = self.walks[domain]
        if other.failed == self.home.failed:
            # Both walks end at the same unanswered name or at none: what lies above changes both alike or neither.
            same = other.organization == self.home.organization
            return True if same else (None if other.failed else False)
        return None


def evaluate(domain: str, identifiers: Sequence[Identifier], resolver: Resolver) -> DmarcResult:
    """Judge an author's domain against what SPF and DKIM found (RFC 9989 5.3)."""
    home = walk(resolver, domain)
    chosen = home.policy
    if home.failed and not home.own:
        return DmarcResult(Status.TEMPERROR, f"no answer about _dmarc.{home.failed}")
    if chosen is None or not chosen[1].usable:
        return DmarcResult(Status.NONE, f"{domain} has no DMARC record", organization=home.organization)
    policy_domain, record = chosen
    trial = _Trial(resolver, home)
    aligned: list[str] = []
    open_question = ""
    for identifier in sorted(identifiers, key=lambda each: (not each.sure, each.domain != domain)):
        strict = record.strict_spf if identifier.method == "spf" else record.strict_dkim
        answer = trial.aligned(identifier.domain, strict=strict)
        if answer and identifier.sure:
            aligned.append(identifier.method)
        elif answer is not False:
            open_question = open_question or identifier.domain
    policy = _policy(resolver, home, record, domain)
    result = DmarcResult(Status.FAIL, f"nothing vouches for {domain}", policy, home.organization, policy_domain)
    if aligned:
        methods = tuple(sorted(set(aligned)))
        reason = f"{' and '.join(methods).upper()} {'vouch' if len(methods) > 1 else 'vouches'} for {domain}"
        return replace(result, status=Status.PASS, reason=reason, aligned=methods)
    if open_question:
        reason = f"whether {open_question} vouches for {domain} is not known now"
        return replace(result, status=Status.TEMPERROR, reason=reason)
    return result


def _within(domain: str, organization: str) -> bool:
    """Say whether a domain is an organization's or below it."""
    return domain == organization or domain.endswith(f".{organization}")


def _policy(resolver: Resolver, home: Walk, record: Record, domain: str) -> Policy:
    """Give the policy that applies to the author's domain (RFC 9989 4.7: p, sp, np, t)."""
    policy = record.p
    if home.own is None:
        policy = record.sp or record.p
        if record.np is not None and record.np is not policy:
            match resolver.ask(Question(domain, RecordType.A)):
                case NoSuchName():
                    policy = record.np
                case TempFailure():
                    # Whether the domain exists is open: what both answers would allow is applied.
                    policy = min(policy, record.np, key=lambda each: each.severity)
                case _:
                    pass
    return policy.milder if record.testing else policy


def identifiers_of(found: Found, *, null_path: bool = False) -> tuple[Identifier, ...]:
    """Collect what SPF and DKIM authenticated, and what DNS kept them from finding out (RFC 9989 4.3).

    Under the null path SPF speaks of the HELO name (RFC 7208 2.4).
    """
    result: list[Identifier] = []
    for method, fact in (("spf", "domain"), ("dkim", "header.d")):
        for evidence in found.of(method):
            domain = evidence.facts.get(fact, "")
            if domain and evidence.status in (Status.PASS, Status.TEMPERROR):
                result.append(Identifier(method, domain, sure=evidence.status is Status.PASS))
    for evidence in found.of("upstream"):
        # A trusted relay in front of us judged SPF in our place; DKIM is judged here, on the message as it arrived.
        said = evidence.facts.get("smtp.mailfrom") or (evidence.facts.get("smtp.helo", "") if null_path else "")
        domain = normal_domain(said.rpartition("@")[2])
        if domain and evidence.facts.get("method") == "spf" and evidence.status in (Status.PASS, Status.TEMPERROR):
            result.append(Identifier("spf", domain, sure=evidence.status is Status.PASS))
    return tuple(result)


_LOST: Final = frozenset({"spf.error", "spf.timeout", "dkim.error", "dkim.timeout"})


def unjudged(envelope: Envelope, message: Message, found: Found) -> Iterator[Identifier]:
    """Give what SPF or DKIM would have spoken of, had the check not failed (`dkim.error`) or come too late.

    That is our trouble and not the author's, so it stays open; but only for domains that the message does speak of.
    """
    lost = {item.check for item in found.items if item.code in _LOST}
    if "spf" in lost and (domain := identity(envelope)):
        yield Identifier("spf", domain, sure=False)
    if "dkim" in lost:
        for field in message.every(b"dkim-signature")[: limits.DKIM_FIELDS]:
            signature = parse_signature(field)
            if isinstance(signature, Signature):
                yield Identifier("dkim", signature.domain, sure=False)


@dataclass(frozen=True, slots=True)
class DmarcCheck:
    """Reports one `dmarc.<result>` for inbound mail; beside a fail, `dmarc.reject` or `dmarc.quarantine` when asked for.

    `overrides` may put another policy in place of the published one. Facts: `header.from`, `policy.dmarc` (the policy to apply), `organization`, `policy-domain`, `aligned`.
    """

    resolver: Resolver
    overrides: Sequence[Override] = ()
    name: ClassVar[str] = "dmarc"
    codes: ClassVar[Mapping[str, str]] = CODES
    after: ClassVar[frozenset[str]] = frozenset({"upstream", "spf", "dkim"})

    def run(self, envelope: Envelope, message: Message, found: Found) -> tuple[Evidence, ...]:
        """Judge the author's domain."""
        if envelope.direction is not Direction.INBOUND:
            return ()
        writer = author(message.headers)
        if writer.problem is AuthorProblem.LITERAL:
            return (Evidence("dmarc", "dmarc.none", Status.NONE, f"DMARC none: {writer.reason}"),)
        if writer.mailbox is None:
            facts = {"reason": str(writer.problem)}
            return (Evidence("dmarc", "dmarc.permerror", Status.PERMERROR, f"DMARC: {writer.reason}", facts=facts),)
        domain = writer.mailbox.domain
        lost = tuple(unjudged(envelope, message, found))
        result = evaluate(domain, (*identifiers_of(found, null_path=envelope.sender is None), *lost), self.resolver)
        override = next((each for each in matching(self.overrides, envelope, domain) if each.policy), None)
        if override is not None and result.policy is not None:
            return _evidence(domain, replace(result, policy=override.policy), f"The override for {override.words}")
        # A check that failed is not DNS, and has marked the message itself.
        return _evidence(domain, result, result.policy_domain, "" if lost else "dns")


def _evidence(domain: str, result: DmarcResult, who: str, silent: str = "dns") -> tuple[Evidence, ...]:
    """Put a result into the words everybody shares; `who` wishes for the policy, `silent` is who did not answer."""
    facts = {"header.from": domain, "policy.dmarc": result.policy or "", "organization": result.organization}
    facts |= {"policy-domain": result.policy_domain, "aligned": ",".join(result.aligned)}
    facts = {name: str(value) for name, value in facts.items() if value}
    detail = f"DMARC {result.status} for {domain}: {result.reason}."
    degraded = silent if result.status is Status.TEMPERROR else ""
    main = Evidence("dmarc", f"dmarc.{result.status}", result.status, detail, facts=facts, degraded=degraded)
    if result.status is not Status.FAIL or result.policy in (None, Policy.NONE):
        return (main,)
    wish = f"{who} asks to {result.policy} mail that fails DMARC."
    return main, Evidence("dmarc", f"dmarc.{result.policy}", Status.POLICY, wish, facts=facts)
