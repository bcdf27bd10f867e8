"""The config: one TOML file, no layers, no includes, one frozen snapshot.

Every table is the `Settings` of the drawer it belongs to, so a default, its bounds and its sentence stand beside the code
that uses them. Errors name the file, the line, the key, what was wrong and what is allowed.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, Field, ValidationError

from gatepost.arrival.settings import Settings as MilterSettings
from gatepost.checks.attachments.family import Settings as AttachmentSettings
from gatepost.checks.auth.family import Settings as AuthSettings
from gatepost.checks.content.family import Settings as ClassifierSettings
from gatepost.checks.reputation.family import (
    CampaignSettings,
    CorrespondentSettings,
    DnsListSettings,
    GreylistSettings,
    Memory,
    RateSettings,
)
from gatepost.checks.reputation.family import Settings as ReputationSettings
from gatepost.checks.virus.family import Settings as VirusSettings
from gatepost.decision.policy import EXCUSES, Actions, Policy, Thresholds
from gatepost.decision.weights import WEIGHTS
from gatepost.effects.settings import Settings as HeaderSettings
from gatepost.service.codes import known_codes
from gatepost.service.complaints import complaint, did_you_mean, not_toml, plain, problems
from gatepost.service.toml_lines import line_of
from gatepost.world.dns.live import Settings as DnsSettings
from gatepost.world.state.settings import Settings as StateSettings

MAX_CONFIG_BYTES: Final = 1024 * 1024
MAX_PROBLEMS: Final = 20
"""Problems named at once: whoever fixes twenty will ask again, and each one costs a reading of the file."""
WEIGHT_BOUND: Final = 1000.0
_BY_CODE: Final = frozenset({"weights", "excuses"})  # free tables, whose keys are evidence codes


class ConfigError(Exception):
    """The config cannot be used; `problems` holds one line for people each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def _table(model: type[BaseModel], description: str) -> Any:
    return Field(default_factory=model, description=description)


class Config(BaseModel, frozen=True, extra="forbid"):
    """The whole config, validated. Built-in defaults run without any file."""

    milter: MilterSettings = _table(MilterSettings, "The daemon: its socket, its workers, whose mail is whose.")
    dns: DnsSettings = _table(DnsSettings, "The resolver.")
    state: StateSettings = _table(StateSettings, "Where rates and reputation are kept.")
    attachments: AttachmentSettings = _table(
        AttachmentSettings, "What is attached: how it is opened, and what is done about it."
    )
    virus: VirusSettings = _table(VirusSettings, "The virus scanner.")
    classifier: ClassifierSettings = _table(ClassifierSettings, "The learned content model.")
    auth: AuthSettings = _table(AuthSettings, "SPF, DKIM, DMARC, ARC and iprev.")
    reputation: ReputationSettings = _table(ReputationSettings, "Rates and sender reputation.")
    rates: RateSettings = _table(RateSettings, "Limits on rates, beside those of [reputation].")
    correspondents: CorrespondentSettings = _table(CorrespondentSettings, "Whom local people write to.")
    greylist: GreylistSettings = _table(GreylistSettings, "Asking doubtful strangers to come back.")
    campaigns: CampaignSettings = _table(CampaignSettings, "The same text from many senders.")
    dnslists: DnsListSettings = _table(DnsListSettings, "DNS lists of addresses and domains.")
    headers: HeaderSettings = _table(HeaderSettings, "The header block.")
    thresholds: Thresholds = _table(Thresholds, "The scores at which something happens.")
    actions: Actions = _table(Actions, "Evidence codes that force an outcome.")
    excuses: Mapping[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="Failures that other evidence excuses: code to the codes that excuse it, which lift its points and its forced outcome. Yours replace the built-in ones code by code, an empty list removes one.",
    )
    weights: Mapping[str, Annotated[float, Field(ge=-WEIGHT_BOUND, le=WEIGHT_BOUND)]] = Field(
        default_factory=dict,
        description="Points for evidence codes; yours are laid over the built-in ones, 0 switches a code off.",
    )

    def effective_excuses(self) -> dict[str, tuple[str, ...]]:
        """Give the built-in excuses with the site's own laid over them."""
        return {**EXCUSES, **self.excuses}

    def effective_weights(self) -> dict[str, float]:
        """Give the built-in weights with the site's own laid over them."""
        return {**WEIGHTS, **self.weights}

    def memory(self) -> Memory:
        """Give what the reputation family reads; what a trusted upstream hands on is not held against its own address."""
        exempt = (*self.reputation.exempt_networks, *self.auth.trusted_upstreams)
        return Memory(
            self.reputation.model_copy(update={"exempt_networks": exempt}),
            self.rates,
            self.correspondents,
            self.greylist,
            self.campaigns,
            self.dnslists,
        )

    def policy(self) -> Policy:
        """Give what decides on a message."""
        return Policy(self.thresholds, self.actions, self.effective_weights(), self.effective_excuses())


@dataclass(frozen=True, slots=True)
class Loaded:
    """A config and where it came from: `path` or None, its `text`, and the command line's `overrides` by dotted key."""

    config: Config
    path: Path | None = None
    text: str = ""
    overrides: Mapping[str, object] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """A short hash of the effective config, for records."""
        return hashlib.sha256(self.config.model_dump_json().encode()).hexdigest()[:12]

    def origin(self, table: str, key: str) -> str:
        """Say where the value of a setting came from: the command line, `FILE:LINE`, or the default."""
        if f"{table}.{key}" in self.overrides:
            return "command line"
        settings = getattr(self.config, table)
        given = settings.model_fields_set if isinstance(settings, BaseModel) else settings
        line = line_of(self.text, [table, key]) if key in given else None
        return f"{self.path}:{line}" if line else "default"


def load(path: Path | None, overrides: Mapping[str, object] | None = None) -> Loaded:
    """Read, check and freeze the config.

    Takes the file (None: defaults alone) and the command line's settings by dotted key (`milter.listen`). Raises
    ConfigError with one line per problem.
    """
    said = dict(overrides or {})
    text = _read(path) if path else ""
    data = _parse(path, text)
    for key, value in said.items():
        table, _, name = key.partition(".")
        section = data.setdefault(table, {})
        if isinstance(section, dict):
            section[name] = value
    try:
        # By way of JSON, because pydantic is strict there as TOML is: "4" is no number and true is not 1.
        config = Config.model_validate_json(json.dumps(data, default=str), strict=True)
    except ValidationError as error:
        found = [
            each for each in error.errors() if each["loc"][0] not in _BY_CODE or not isinstance(each["input"], dict)
        ]
        wrong = chain(problems(found, Config, path, text, said), _unknown_codes(data, path, text))
        raise ConfigError(list(islice(wrong, MAX_PROBLEMS))) from None
    if unknown := list(islice(_unknown_codes(data, path, text), MAX_PROBLEMS)):
        raise ConfigError(unknown)
    return Loaded(config, path, text, said)


def _read(path: Path) -> str:
    """Read the file; no more than the bound, because a device or a pipe has no size."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_CONFIG_BYTES + 1)
        if len(data) > MAX_CONFIG_BYTES:
            raise ConfigError([plain(f"{path}: larger than {MAX_CONFIG_BYTES} bytes, this is not a config file")])
        # The mark that some editors of Windows put before a text is none of it.
        return data.decode("utf-8").removeprefix("\ufeff")
    except OSError as error:
        raise ConfigError([plain(f"{path}: cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError([plain(f"{path}:{line}: not UTF-8 text (byte {error.start}); TOML is UTF-8")]) from None


def _parse(path: Path | None, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError([not_toml(path, error)]) from None


def _unknown_codes(data: Mapping[str, Any], path: Path | None, text: str) -> Iterator[str]:
    """Give a line for every code in [weights], [actions] and [excuses] that no check emits."""
    known = known_codes()
    for keys in (["weights"], ["excuses"], ["actions", "inbound"], ["actions", "outbound"]):
        table: Any = data
        for key in keys:
            table = table.get(key, {}) if isinstance(table, dict) else {}
        for code in table if isinstance(table, dict) else ():
            for other in table[code] if isinstance(table[code], list) else ():
                if isinstance(other, str) and other not in known:
                    yield complaint(
                        [*keys, code], f"{json.dumps(other)} is not an evidence code; {_hint(other)}", path, text, {}
                    )
            if code in known:
                continue
            if isinstance(table[code], dict) and table[code]:
                # `spf.fail = 2` without quotes is a table `spf` in TOML.
                inner = next(iter(table[code]))
                yield complaint([*keys, code, inner], f'write the code in quotes, "{code}.{inner}"', path, text, {})
                continue
            yield complaint([*keys, code], f"not an evidence code; {_hint(code)}", path, text, {})


def _hint(code: str) -> str:
    """Give the code that may have been meant, or where they all stand."""
    return did_you_mean(code, known_codes()) or "`gatepost config reference` lists them"
