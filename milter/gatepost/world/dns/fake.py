"""DNS from a map: the form that tests, `gatepost scan --dns-zone` and replays use.

Failure is data here: names that shall fail are listed beside those that answer, so a case file can hold a whole outage.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import yaml

from gatepost.mail import limits
from gatepost.world.dns.door import Answer, NoData, NoSuchName, Question, Records, RecordType, TempFailure
from gatepost.world.dns.names import normal_name

_Value = bytes | str | tuple[int, str]

# Types that a zone may list and that nobody here asks for: their names exist.
_OTHER_TYPES: Final = frozenset("NS SOA SPF SRV CAA TLSA DNSKEY DS DNAME HINFO NAPTR SVCB HTTPS".split())


_ASKED: Final = 10_000  # questions remembered: a replay of a large archive must not grow for ever


class ZoneError(Exception):
    """A zone that cannot be read; its text is one clear line for people."""


class FakeDns:
    """Answers from a map `name -> {type: [values]}`; names absent from it do not exist.

    A name with children exists with no data. CNAMEs are followed. A TXT value that is a list is one record of several
    character-strings; an MX value is `"10 host"` or `[10, host]`. Names in `servfail` and `timeout` fail for every type.
    `asked` holds the questions in order (the first ten thousand), for tests that count them. Never raises once it is built.
    """

    def __init__(
        self,
        zone: Mapping[str, Mapping[str, Any] | None] | None = None,
        servfail: Iterable[str] = (),
        timeout: Iterable[str] = (),
    ) -> None:
        """Read the map; raises ZoneError for one that makes no sense."""
        self.asked: list[Question] = []
        self._records: dict[str, dict[str, tuple[_Value, ...]]] = {}
        self._failing = {_name(name): "SERVFAIL" for name in servfail} | {_name(name): "timeout" for name in timeout}
        for name, types in (zone or {}).items():
            owner = self._records.setdefault(_name(name), {})
            for kind, values in _types(name, types).items():
                owner[kind] = tuple(_value(name, kind, value) for value in values)
        self._parents = {parent for name in self._records for parent in _parents(name)}

    @classmethod
    def from_yaml(cls, path: str | Path) -> FakeDns:
        """Read a zone file, a YAML map as above with `servfail:` and `timeout:` lists of names; raises ZoneError."""
        try:
            content = yaml.safe_load(Path(path).read_bytes())
        except OSError as error:
            raise ZoneError(f"{path}: {error.strerror}") from error
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise ZoneError(f"{path}: not YAML: {' '.join(str(error).split())[:200]}") from error
        if not isinstance(content, dict | None):
            raise ZoneError(f"{path}: a zone is a map of names, not a {type(content).__name__}")
        zone = {str(name): types for name, types in (content or {}).items()}
        try:
            return cls(zone, _names(zone.pop("servfail", None)), _names(zone.pop("timeout", None)))
        except ZoneError as error:
            raise ZoneError(f"{path}: {error}") from error

    def ask(self, question: Question) -> Answer:
        """Give the answer from the map; follows at most limits.DNS_ALIASES CNAMEs."""
        if len(self.asked) < _ASKED:
            self.asked.append(question)
        name = normal_name(question.name)
        for _ in range(limits.DNS_ALIASES + 1):
            if name is None:
                return NoSuchName()
            if name in self._failing:
                return TempFailure(f"{self._failing[name]} for {name}")
            types = self._records.get(name)
            if types is None:
                return NoData() if name in self._parents else NoSuchName()
            if question.kind in types:
                return Records(types[question.kind]) if types[question.kind] else NoData()
            if not types.get("CNAME"):
                return NoData()
            name = str(types["CNAME"][0])
        return TempFailure(f"too many aliases for {question.name}")

    def prefetch(self, questions: Iterable[Question]) -> None:
        """Do nothing: there is no cache to warm."""


class NoNetworkDns:
    """Answers every question with a temporary failure: what `--no-network` means."""

    def ask(self, question: Question) -> Answer:
        """Give a temporary failure."""
        return TempFailure(f"no network: {question.kind} of {question.name} was not asked")

    def prefetch(self, questions: Iterable[Question]) -> None:
        """Do nothing."""


def _name(name: object) -> str:
    """Check an owner name."""
    found = normal_name(str(name))
    if found is None:
        raise ZoneError(f"{str(name)[:80]!r} is not a domain name")
    return found


def _names(value: object) -> Sequence[str]:
    """Read a list of names; one name alone is a list too."""
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list):
        raise ZoneError("servfail and timeout take a list of names")
    return [str(name) for name in value]


def _parents(name: str) -> Iterable[str]:
    """Give every name above a name."""
    labels = name.split(".")
    return (".".join(labels[count:]) for count in range(1, len(labels)))


def _types(name: str, types: object) -> dict[str, list[Any]]:
    """Read one name's map of types; one value alone is a list of one."""
    if types is None:
        return {}
    if not isinstance(types, Mapping):
        raise ZoneError(f"{name}: expected a map of record types, found {types!r:.80}")
    found: dict[str, list[Any]] = {}
    for key, values in types.items():
        kind = str(key).upper()
        if kind in _OTHER_TYPES:
            continue
        if kind != "CNAME" and kind not in RecordType.__members__:
            raise ZoneError(f"{name}: {key!r} is not a record type that mail authentication asks for")
        single_mx = kind == "MX" and isinstance(values, list | tuple) and values and isinstance(values[0], int)
        found[kind] = list(values) if isinstance(values, list | tuple) and not single_mx else [values]
    return found


def _value(name: str, kind: str, value: Any) -> _Value:
    """Read one record's value into the door's form."""
    try:
        match kind:
            case "TXT":
                return _text(value)
            case "A" | "AAAA":
                address = ip_address(str(value))
                if (address.version == 4) == (kind == "A"):
                    return str(address)
            case "MX":
                preference, host = value.split() if isinstance(value, str) else value
                return int(preference), str(host).removesuffix(".").lower()
            case _:
                return str(value).removesuffix(".").lower()
    except (ValueError, TypeError) as error:
        raise ZoneError(f"{name}: {value!r:.80} is no {kind} value") from error
    raise ZoneError(f"{name}: {value!r:.80} is no {kind} value")


def _text(value: object) -> bytes:
    """Read a TXT value: text, bytes, or a list of character-strings."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, list | tuple):
        return b"".join(_text(piece) for piece in value)
    if value is None:
        raise TypeError("a TXT value is text")
    return str(value).encode("utf-8", "surrogateescape")
