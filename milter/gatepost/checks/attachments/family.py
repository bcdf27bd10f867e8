"""The attachments drawer: its settings, its codes, and how it is built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

from pydantic import Field, field_validator

from gatepost.checks.attachments import ambiguity, bounds, check, obstacles
from gatepost.checks.attachments.ambiguity import MimeCheck
from gatepost.checks.attachments.check import AttachmentCheck
from gatepost.checks.attachments.formats import Kind
from gatepost.checks.attachments.hashes import HashListError, load_hashes
from gatepost.checks.attachments.names import is_ending
from gatepost.checks.attachments.policy import INBOUND, OUTBOUND, Policy, Treatment
from gatepost.checks.attachments.unpacker import Unpacker, open_unpacker
from gatepost.checks.check import Check

__all__ = ["CODES", "HashListError", "Settings", "build", "open_unpacker", "refusals"]

_FINDINGS: Final[Mapping[str, str]] = {**check.CODES, **obstacles.CODES}
CODES: Final[Mapping[str, str]] = {**_FINDINGS, **ambiguity.CODES}

_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")]


class Settings(bounds.Settings):
    """`[attachments]`: how files are opened, and what is done about what is found in them."""

    enabled: bool = Field(default=True, description="Look into attachments at all.")
    policy: Mapping[str, Treatment] = Field(
        default=INBOUND,
        description="Mail from outside: what is done about a finding (by its evidence code), or about a file (by `.extension` or kind): "
        "allow, score, strip (deliver with a harmless name), hold or reject; yours are merged over these.",
    )
    outbound: Mapping[str, Treatment] = Field(
        default=OUTBOUND, description="The same for mail of own users and networks."
    )
    domains: Mapping[str, Mapping[str, Treatment]] = Field(
        default={},
        description="The same for single domains of recipients, laid over the rules of the direction; of several recipients the most severe rule wins.",
    )
    blocked_sha256: tuple[_Sha256, ...] = Field(
        default=(), max_length=10_000, description="SHA-256 of files that are blocked, whatever they are."
    )
    blocked_file: str = Field(
        default="",
        max_length=4096,
        description="A file with more of them, one to a line as `sha256sum` prints them; read at start and reload.",
    )
    allowed_sha256: tuple[_Sha256, ...] = Field(
        default=(),
        max_length=10_000,
        description="SHA-256 of files about which nothing else counts; the virus scanner still reads them.",
    )
    allowed_file: str = Field(default="", max_length=4096, description="A file with more of them, as `blocked_file`.")

    @field_validator("policy", mode="before")
    @classmethod
    def _over_inbound(cls, given: object) -> object:
        """Lay the administrator's rules over the built-in ones."""
        return {**INBOUND, **given} if isinstance(given, Mapping) else given

    @field_validator("outbound", mode="before")
    @classmethod
    def _over_outbound(cls, given: object) -> object:
        """Lay the administrator's rules over the built-in ones."""
        return {**OUTBOUND, **given} if isinstance(given, Mapping) else given

    @field_validator("policy", "outbound")
    @classmethod
    def _known(cls, rules: Mapping[str, Treatment]) -> Mapping[str, Treatment]:
        """Refuse a rule for what is no code, extension or kind: it would never apply."""
        if unknown := list(_unknown(rules)):
            raise ValueError(f"{unknown[0]!r} is no attachment code, no .extension and no kind of file")
        return {key.lower(): treatment for key, treatment in rules.items()}

    @field_validator("domains")
    @classmethod
    def _known_everywhere(cls, domains: Mapping[str, Mapping[str, Treatment]]) -> Mapping[str, Any]:
        """Do the same for each domain, whose name is compared in lower case."""
        return {domain.lower(): cls._known(rules) for domain, rules in domains.items()}


def _unknown(rules: Mapping[str, Treatment]) -> Iterator[str]:
    kinds = {str(kind) for kind in Kind}
    return (key for key in rules if key not in _FINDINGS and not is_ending(key) and key.lower() not in kinds)


def refusals(settings: Settings) -> Iterator[str]:
    """Give a line for each list of hashes that build() would refuse."""
    for file in (settings.blocked_file, settings.allowed_file) if settings.enabled else ():
        try:
            load_hashes((), file)
        except HashListError as error:
            yield str(error)


def build(settings: Settings, unpacker: Unpacker) -> tuple[Check, ...]:
    """Give the family's checks; `mime` reads nothing but the message and stays whatever else is off. Raises HashListError, one line, for a list of hashes that cannot be used."""
    if not settings.enabled:
        return (MimeCheck(),)
    policy = Policy(settings.policy, settings.outbound, settings.domains)
    blocked = load_hashes(settings.blocked_sha256, settings.blocked_file)
    allowed = load_hashes(settings.allowed_sha256, settings.allowed_file)
    return (MimeCheck(), AttachmentCheck(unpacker, policy, blocked, allowed, _FINDINGS))
