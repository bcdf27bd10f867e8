"""One walk through SPF records (RFC 7208 4.6 to 7), with DNS asked through our door.

pyspf keeps what it does well: who is asked about, the way between records, IP arithmetic, and how an error ends it all. What it
reads or counts otherwise than RFC 7208 is done here: terms are evaluated from left to right, and nothing is asked, expanded or
counted for a term that is not reached.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import spf

from gatepost.checks.auth.spf_record import Macro, Spec, Term, explain_string, parse
from gatepost.evidence import Status
from gatepost.mail import limits
from gatepost.world.dns.door import Question, Records, RecordType, Resolver, TempFailure
from gatepost.world.dns.names import normal_name

Answer = tuple[Status, int, str]
"""What pyspf's methods hand on: the result, a reply code that nobody reads, and the explanation of a fail."""


class Query(spf.query):  # type: ignore[misc]
    """One evaluation; `check()` gives the result, and for an error what was wrong, or for a fail the domain's explanation."""

    def __init__(self, ip: str, sender: str, helo: str, resolver: Resolver, receiver: str) -> None:
        super().__init__(i=ip, s=sender, h=helo, receiver=receiver, strict=True)
        self._resolver = resolver
        self._void = False
        self._names: list[str] | None = None
        self._proven: dict[str, bool] = {}
        if sender.count("@") > 1:
            # pyspf cuts at the first @, which a quoted local part may hold: "x@attack.example"@example.com.
            self.l, _, self.o = sender.rpartition("@")
            self.d = self.o

    # --- terms ------------------------------------------------------------------------------------------------------

    def check0(self, text: str | None, recursion: int) -> Answer:
        """Evaluate a record for the current domain; `recursion` counts the includes around it."""
        version, _, terms = (text or "").partition(" ")
        if version.lower() != "v=spf1":
            return Status.NONE, 250, ""
        record = parse(terms)
        for term in record.mechanisms:
            if self._matches(term, recursion):
                if not recursion:
                    self.mechanism = term.text
                explained = record.explanation if term.result is Status.FAIL and not recursion else None
                return term.result, 250, self._explanation(explained) if explained else ""
        if record.redirect:
            return self._redirected(record.redirect, recursion)
        return Status.NEUTRAL, 250, ""

    def _matches(self, term: Term, depth: int) -> bool:
        """Say whether a mechanism matches; an error names its term."""
        if term.name == "all":
            return True
        prefix = term.prefix6 if self.v == "ip6" else term.prefix4
        if term.name in ("ip4", "ip6"):
            return (term.name == "ip6") == (self.v == "ip6") and bool(self.cidrmatch([term.network], prefix))
        with _naming(term):
            target = self._begin(term)
            if target is None:
                return False
            match term.name:
                case "include":
                    return self._included(target, depth)
                case "exists":
                    return bool(self.dns_a(target, "A"))
                case "a":
                    return bool(self.cidrmatch(self.dns_a(target, self.A), prefix))
                case "mx":
                    return any(self.cidrmatch(addresses, prefix) for addresses in self._exchanges(target))
                case _:
                    within = (name for name in self._client_names() if spf.domainmatch([name], target))
                    return any(self._leads_back(name) for name in within)

    def _begin(self, term: Term) -> str | None:
        """Count a term that asks DNS (RFC 7208 4.6.4), and give the name it asks for; None where it can match nothing."""
        self.lookups += 1
        if self.lookups > spf.MAX_LOOKUP:
            raise spf.PermError(f"more than {spf.MAX_LOOKUP} terms ask DNS")
        self._void = False
        return self.d if term.target is None else self._target(term.target)

    def _exchanges(self, domain: str) -> Iterator[list[Any]]:
        """Give the addresses of a domain's mail hosts, the preferred ones first, none asked before it is wanted (RFC 7208 5.4).

        A host whose DNS is broken harms only what comes after it.
        """
        hosts = self.dns(domain, "MX")
        if len(hosts) > spf.MAX_MX:
            raise spf.PermError(f"more than {spf.MAX_MX} MX records")
        for _, host in sorted(hosts):
            yield self.dns_a(host, self.A)

    def _included(self, domain: str, depth: int) -> bool:
        """Evaluate another domain's record: only its pass is a match, and it must be there (RFC 7208 5.2)."""
        result, _, _ = self.check1(self.dns_spf(domain), domain, depth + 1)
        if result is Status.NONE:
            raise spf.PermError("no SPF record to include")
        return bool(result is Status.PASS)

    def _redirected(self, term: Term, depth: int) -> Answer:
        """Go on with another domain's record in place of this one (RFC 7208 6.1)."""
        with _naming(term):
            domain = self._begin(term)
            record = self.dns_spf(domain) if domain else None
            if not record:
                raise spf.PermError("no SPF record to go on with")
            answer: Answer = self.check1(record, domain, depth)
            return answer

    def _explanation(self, term: Term) -> str:
        """Give a domain's own words on a fail, or "" for whatever is wrong with them (RFC 7208 6.2)."""
        try:
            name = self._target(term.target or ())
            texts = self.dns_txt(name, ignore_void=True) if name else []
            pieces = explain_string(spf.to_ascii(texts[0])) if len(texts) == 1 else None
        except (spf.PermError, spf.TempError):
            return ""
        return self._expanded(pieces or ())

    # --- macros -----------------------------------------------------------------------------------------------------

    def _target(self, spec: Spec) -> str | None:
        """Expand a domain-spec to a name that fits into DNS (RFC 7208 7.3), or None where it can match nothing."""
        if not self.l.isascii() and any(isinstance(piece, Macro) and piece.letter in "slSL" for piece in spec):
            return None  # RFC 8616 4
        name = self._expanded(spec).removesuffix(".")
        surplus = len(name) - limits.DOMAIN_OCTETS
        if surplus <= 0:
            return name
        # Whole labels go, from the left.
        return name[name.find(".", surplus - 1) + 1 :]

    def _expanded(self, spec: Spec) -> str:
        """Put the values of macros into their places."""
        return "".join(piece if isinstance(piece, str) else self._value(piece) for piece in spec)

    def _value(self, macro: Macro) -> str:
        """Give a macro's value: split, turned round, cut from the left, joined with dots, escaped (RFC 7208 7.3)."""
        letter = macro.letter.lower()
        # pyspf's attributes bear the letters' names.
        value: str = self.getp() if letter == "p" else getattr(self, letter)
        parts = re.split(f"[{re.escape(macro.delimiters)}]", value)
        if macro.reverse:
            parts.reverse()
        value = ".".join(parts[-macro.parts :])
        return value if macro.letter == letter else quote(value, safe="~")

    def getp(self) -> str:
        """Give the client's name for %{p}: the domain's own, one below it, or any (RFC 7208 7.3)."""
        names, domain = self._client_names(), self.d.lower()
        own = [name for name in names if name.lower() == domain]
        below = [name for name in names if name.lower().endswith(f".{domain}")]
        return next((name for name in (*own, *below, *names) if self._leads_back(name)), "unknown")

    # --- DNS --------------------------------------------------------------------------------------------------------

    def dns_spf(self, domain: str) -> str | None:
        """Give a domain's record; a name of one label has none, whatever it publishes (RFC 7208 4.3)."""
        return super().dns_spf(domain) if "." in domain else None

    def dns(self, name: str, qtype: str, cnames: object = None, ignore_void: bool = False) -> list[Any]:  # noqa: ARG002
        """Answer as pyspf's own method does: a list of values, [] for a void look-up, or TempError.

        RFC 7208 4.6.4 limits the terms for which a look-up is void, so a term with several (mx) counts once.
        """
        found = normal_name(str(name))
        if found is None:
            return []
        values: list[Any] = self.cache.get((found, qtype), [])
        if not values:
            match self._resolver.ask(Question(found, RecordType(qtype))):
                case Records(records):
                    values = [(_bounded(value),) for value in records] if qtype == "TXT" else list(records)
                    self.cache[found, qtype] = values
                case TempFailure(reason):
                    raise spf.TempError(f"DNS: {reason}")
                case _:
                    values = []
        if not values and not ignore_void and not self._void:
            self._void = True
            self.void_lookups += 1
            if self.void_lookups > spf.MAX_VOID_LOOKUPS:
                raise spf.PermError(f"more than {spf.MAX_VOID_LOOKUPS} terms find nothing in DNS")
        return values

    def _client_names(self) -> list[str]:
        """Give the first ten of the client's names; DNS trouble here means no match, not an error (RFC 7208 5.5).

        Void look-ups do not count: these names are the client's, not the domain's (4.6.4 says so of the ten names), and a
        client must not choose between fail and permerror. Nor whether there is time for the rest of the record: a name is
        looked up only where it would match.
        """
        if self._names is None:
            try:
                question = f"{spf.reverse_dots(self.i)}.{self.v}.arpa"
                self._names = self.dns(question, "PTR", ignore_void=True)[: spf.MAX_PTR]
            except spf.TempError:
                self._names = []
        return self._names

    def _leads_back(self, name: str) -> bool:
        """Say whether one of the client's names has its address."""
        if name not in self._proven:
            try:
                self._proven[name] = bool(self.cidrmatch(self.dns(name, self.A, ignore_void=True), self.cidrmax))
            except spf.TempError:
                self._proven[name] = False
        return self._proven[name]


@contextmanager
def _naming(term: Term) -> Iterator[None]:
    """Let errors name the innermost term that they came from."""
    try:
        yield
    except (spf.PermError, spf.TempError) as error:
        error.mech = error.mech or term.text
        raise


def _bounded(text: Any) -> bytes:
    """Give a TXT record within bounds; raises PermError for an SPF record past them."""
    record = bytes(text)
    if spf.RE_SPF.match(record):
        if len(record) > limits.SPF_RECORD_BYTES or max(map(len, record.split(b" "))) > limits.SPF_TERM_BYTES:
            raise spf.PermError("the SPF record is too long")
        return record
    return record if len(record) <= limits.SPF_TERM_BYTES else b""
