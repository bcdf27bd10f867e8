"""The config: one TOML file, no layers, no includes, one frozen snapshot.

Every table is the `Settings` of the drawer it belongs to, so a default, its bounds and its sentence stand beside the code
that uses them. Errors name the file, the line, the key, what was wrong and what is allowed.
"""

from __future__ import annotations

import difflib
import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, Field, ValidationError, field_validator

from gatepost.arrival.settings import Settings as MilterSettings
from gatepost.checks.auth.family import Settings as AuthSettings
from gatepost.checks.content.family import Settings as ClassifierSettings
from gatepost.checks.reputation.family import Settings as ReputationSettings
from gatepost.checks.virus.family import Settings as VirusSettings
from gatepost.decision.policy import Actions, Thresholds
from gatepost.decision.weights import WEIGHTS
from gatepost.effects.settings import Settings as HeaderSettings
from gatepost.service.codes import known_codes
from gatepost.service.toml_lines import line_of
from gatepost.world.dns.live import Settings as DnsSettings
from gatepost.world.state.settings import Settings as StateSettings

MAX_CONFIG_BYTES: Final = 1024 * 1024
WEIGHT_BOUND: Final = 1000.0


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
    virus: VirusSettings = _table(VirusSettings, "The virus scanner.")
    classifier: ClassifierSettings = _table(ClassifierSettings, "The learned content model.")
    auth: AuthSettings = _table(AuthSettings, "SPF, DKIM, DMARC, ARC and iprev.")
    reputation: ReputationSettings = _table(ReputationSettings, "Rates and sender reputation.")
    headers: HeaderSettings = _table(HeaderSettings, "The header block.")
    thresholds: Thresholds = _table(Thresholds, "The scores at which something happens.")
    actions: Actions = _table(Actions, "Evidence codes that force an outcome.")
    weights: Mapping[str, float] = Field(
        default_factory=dict,
        description="Points for evidence codes; yours are laid over the built-in ones, 0 switches a code off.",
    )

    @field_validator("weights")
    @classmethod
    def _known(cls, given: Mapping[str, float]) -> Mapping[str, float]:
        for code, points in given.items():
            _must_be_code(code)
            if not -WEIGHT_BOUND <= points <= WEIGHT_BOUND:
                raise ValueError(f'"{code}" = {points}: a weight lies between -1000 and 1000')
        return given

    @field_validator("actions")
    @classmethod
    def _known_actions(cls, given: Actions) -> Actions:
        for code in (*given.inbound, *given.outbound):
            _must_be_code(code)
        return given

    def effective_weights(self) -> dict[str, float]:
        """Give the built-in weights with the site's own laid over them."""
        return {**WEIGHTS, **self.weights}


def _must_be_code(code: str) -> None:
    known = known_codes()
    if code not in known:
        close = difflib.get_close_matches(code, known, 1)
        hint = f'; did you mean "{close[0]}"?' if close else "; `gatepost config reference` lists them"
        raise ValueError(f'"{code}" is not an evidence code{hint}')


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

    def origin(self, key: str) -> str:
        """Say where the value of a dotted key came from: the command line, `FILE:LINE`, or the default."""
        if key in self.overrides:
            return "command line"
        line = line_of(self.text, key.split(".")) if self.path else None
        return f"{self.path}:{line}" if line else "default"


def load(path: Path | None, overrides: Mapping[str, object] | None = None) -> Loaded:
    """Read, check and freeze the config.

    Takes the file (None: defaults alone) and the command line's settings by dotted key (`milter.listen`). Raises
    ConfigError with one line per problem.
    """
    text = _read(path) if path else ""
    data = _parse(path, text)
    for key, value in (overrides or {}).items():
        table, _, name = key.partition(".")
        section = data.setdefault(table, {})
        if isinstance(section, dict):
            section[name] = value
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        raise ConfigError(list(_problems(error, path, text, overrides or {}))) from None
    return Loaded(config, path, text, dict(overrides or {}))


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise ConfigError([f"{path}: larger than {MAX_CONFIG_BYTES} bytes, this is not a config file"])
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: not UTF-8 text (byte {error.start}); TOML is UTF-8"]) from None


def _parse(path: Path | None, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{path}: not valid TOML: {error}"]) from None
    except RecursionError:
        raise ConfigError([f"{path}: not valid TOML: nested too deeply"]) from None


def _problems(error: ValidationError, path: Path | None, text: str, overrides: Mapping[str, object]) -> Iterator[str]:
    """Turn pydantic's findings into lines for people."""
    for found in error.errors():
        keys = [str(part) for part in found["loc"]]
        place = "command line" if ".".join(keys) in overrides else str(path or "config")
        line = line_of(text, keys)
        where = f"{place}:{line}" if line and place != "command line" else place
        yield f"{where}: {_key(keys)}: {_wrong(found, keys)}"


def _key(keys: list[str]) -> str:
    return f"[{keys[0]}] {'.'.join(keys[1:])}".strip() if keys else "config"


def _wrong(found: Any, keys: list[str]) -> str:
    """Say what was wrong and what is allowed."""
    if found["type"] == "extra_forbidden":
        known = _names_at(keys[:-1])
        close = difflib.get_close_matches(keys[-1], known, 1)
        hint = f'did you mean "{close[0]}"? ' if close else ""
        return f"unknown {'key' if len(keys) > 1 else 'table'}; {hint}allowed: {', '.join(known)}"
    message = str(found["msg"]).removeprefix("Value error, ")
    given = found.get("input")
    shown = f"{given!r}: " if isinstance(given, str | int | float | bool) else ""
    sentence = field_sentence(keys)
    return f"{shown}{message}{f' ({sentence})' if sentence else ''}"


def _model_at(keys: list[str]) -> type[BaseModel] | None:
    model: Any = Config
    for key in keys:
        info = model.model_fields.get(key) if isinstance(model, type) and issubclass(model, BaseModel) else None
        model = info.annotation if info else None
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None


def _names_at(keys: list[str]) -> list[str]:
    model = _model_at(keys)
    return list(model.model_fields) if model else []


def field_sentence(keys: list[str]) -> str:
    """Give the sentence that describes a setting, by its path, or ""."""
    model = _model_at(keys[:1])
    info = (
        model.model_fields.get(keys[1])
        if model and len(keys) > 1
        else Config.model_fields.get(keys[0])
        if keys
        else None
    )
    return (info.description or "") if info else ""
