"""What is wrong with a config, in lines for people: file, line, key, what was given, and what is allowed.

Pydantic finds the faults; its own words ("Input should be a valid integer") speak to programmers, so they are put into the
words of the config file here. No line repeats a secret, and none carries a control character to a terminal.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from itertools import takewhile
from pathlib import Path
from types import UnionType
from typing import Any, Final, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gatepost.checks.reputation.dnslist_settings import public_zone
from gatepost.service.toml_lines import line_of

_SECRETS: Final = frozenset({"signing_key"})
_ACCOUNT: Final = re.compile(r"^([a-z0-9+.-]*:?/*)([^:@]*)(:?)(.*)@", re.IGNORECASE | re.DOTALL)
_PASSWORD_OPTION: Final = re.compile(r"([?&;][^=&;?]*pass[^=&;?]*=)[^&]*", re.IGNORECASE)
_AT: Final = re.compile(r" \(at line (\d+), column (\d+)\)$")
_SHOWN_CHARACTERS: Final = 120

# What a setting must be, by pydantic's name for the fault.
_MUST: Final = {
    "int": "a whole number",
    "float": "a number",
    "finite": "a finite number",
    "bool": "true or false",
    "string": "text in quotes",
    "tuple": "a list in square brackets",
    "list": "a list in square brackets",
    "dict": "a table",
    "mapping": "a table",
    "model": "a table",
    "ip": "a network such as 192.0.2.0/24 or 2001:db8::/32",
}


def problems(
    found: list[Any], root: type[BaseModel], path: Path | None, text: str, overrides: Mapping[str, object]
) -> Iterator[str]:
    """Turn pydantic's findings into lines, each once.

    Takes `ValidationError.errors()`, the model that was validated, the file with its text, and the keys of `overrides`
    that came from the command line.
    """
    told = set()
    for each in found:
        keys, nth = _keys(each["loc"], root)
        line = complaint(keys, _wrong(each, keys, root), path, text, overrides, nth)
        if line not in told:
            told.add(line)
            yield line


def complaint(
    keys: list[str], wrong: str, path: Path | None, text: str, overrides: Mapping[str, object], nth: int = 0
) -> str:
    """Give one line: where a key stands, its name, and what is wrong with it; `nth` counts the tables of one name from 0."""
    place = "command line" if ".".join(keys) in overrides else str(path or "config")
    line = None if place == "command line" else line_of(text, keys, nth)
    name = f"[{keys[0]}] {'.'.join(keys[1:])}".strip() if keys else "config"
    return plain(f"{place}{f':{line}' if line else ''}: {name}: {wrong}")


def not_toml(path: Path | None, error: Exception) -> str:
    """Give the line for a file that is no TOML; tomllib says where at the end of its message."""
    words = "nested too deeply" if isinstance(error, RecursionError) else str(error)
    where = _AT.search(words)
    line, column = (f":{where[1]}", f" (column {where[2]})") if where else ("", "")
    return plain(f"{path}{line}: not valid TOML: {_AT.sub('', words)}{column}")


def did_you_mean(word: str, known: list[str] | Mapping[str, object]) -> str:
    """Give `did you mean "..."?` for a word that resembles a known one, or ""."""
    close = difflib.get_close_matches(word, list(known), 1)
    return f'did you mean "{close[0]}"?' if close else ""


def without_password(url: str) -> str:
    """Hide what is secret in a URL, or in what was meant to be one: the account's password and options that hold another.

    A password may hold an @ or a slash that should have been written as %XX, so all before the last @ belongs to the account;
    what has no colon is a user's name only if the URL is well formed so far.
    """
    # Without an @ the pattern would try every way to cut a long text.
    found = _ACCOUNT.match(url) if "@" in url else None
    if found:
        start, user, colon, _ = found.groups()
        shown = f"{user}:(hidden)" if colon else user if start.endswith("://") else "(hidden)"
        url = f"{start}{shown}@{url[found.end() :]}"
    return _PASSWORD_OPTION.sub(r"\1(hidden)", url)


def without_key(zone: str) -> str:
    """Hide the key in the zone of a paid DNS list."""
    public = public_zone(zone)
    return zone if public == zone else f"(hidden).{public}"


def plain(text: str) -> str:
    """Give text as one line without control characters: what is not printable stands as its escape."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def bounds(info: FieldInfo) -> str:
    """Give the bounds of a setting in words, or ""."""
    words = []
    for item in info.metadata:
        match item:
            case Ge(ge=low):
                words.append(f"from {low}")
            case Gt(gt=low):
                words.append(f"above {low}")
            case Le(le=high) | Lt(lt=high):
                words.append(f"to {high}")
            case MaxLen(max_length=length):
                words.append(f"at most {length} {'characters' if info.annotation is str else 'entries'}")
            case _:
                continue
    return " ".join(words)


def _keys(location: tuple[str | int, ...], root: type[BaseModel]) -> tuple[list[str], int]:
    """Give the path of a setting as the file has it, and in which table of several with one name it stands.

    The path ends at a list index, or at the key of a table in a list: what comes then are pydantic's own words.
    """
    before = list(takewhile(lambda part: isinstance(part, str), location))
    keys = [str(part) for part in before if part != "[key]"]
    behind = location[len(before) :]
    if not behind or not _names(root, keys):
        return keys, 0
    return [*keys, *map(str, behind[1:2])], int(behind[0])


def _wrong(found: Any, keys: list[str], root: type[BaseModel]) -> str:
    """Say what was given and what is allowed."""
    kind, given, info = str(found["type"]), found.get("input"), _field(root, keys)
    if kind == "extra_forbidden":
        known = _names(root, keys[:-1])
        hint = did_you_mean(keys[-1], known)
        if len(keys) == 1 and not isinstance(given, dict):
            homes = [f"[{name}]" for name in known if keys[0] in _names(root, [name])]
            hint = f"a setting stands below the name of its table{', here ' + ' or '.join(homes) if homes else ''};"
        return f"unknown {'key' if len(keys) > 1 else 'table'}; {hint}{' ' if hint else ''}allowed: {', '.join(known)}"
    allowed = _allowed(found, info)
    shown = f"{_shown(given, keys)}: " if isinstance(given, str | int | float | bool) else ""
    sentence = info.description if info else ""
    return f"{shown}{allowed}{f' ({sentence})' if sentence else ''}"


def _allowed(found: Any, info: FieldInfo | None) -> str:
    kind, context = str(found["type"]), found.get("ctx", {})
    if any("IPv4Network" in str(part) or "IPv6Network" in str(part) for part in found["loc"]):
        return f"must be {_MUST['ip']}"
    if kind in {"enum", "literal_error"}:
        return f"must be one of {context['expected']}"
    if kind in {"greater_than_equal", "less_than_equal", "greater_than", "less_than"}:
        words = {"greater_than_equal": "at least", "less_than_equal": "at most"}.get(kind, "beyond")
        limit = f"{words} {next(iter(context.values()))}"
        return f"must lie {bounds(info)}" if info and bounds(info) else f"must be {limit}"
    must = (
        _MUST.get(kind.partition("_")[0])
        if kind.endswith(("_type", "_parsing", "_from_float", "_number", "_network"))
        else None
    )
    if must:
        return f"must be {must}" + (f" {bounds(info)}" if info and "number" in must and bounds(info) else "")
    if kind == "missing":
        return "must be given"
    if kind == "string_pattern_mismatch":
        return f"must match {context['pattern']}"
    return str(found["msg"]).removeprefix("Value error, ")


def _shown(given: object, keys: list[str]) -> str:
    """Give what was written, cut to a bearable length, without secrets."""
    if _SECRETS & set(keys):
        return "(hidden)"
    if isinstance(given, str) and keys[-1:] != ["listen"]:
        given = without_key(given) if keys[-1:] == ["zone"] else without_password(given)
    text = json.dumps(given, ensure_ascii=False) if isinstance(given, str | bool) else repr(given)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "..."


def _field(root: type[BaseModel], keys: list[str]) -> FieldInfo | None:
    """Give the setting that a path leads to; for an entry of a free table, the table."""
    model: type[BaseModel] | None = root
    info: FieldInfo | None = None
    for key in keys:
        if model is None or key not in model.model_fields:
            return info
        info = model.model_fields[key]
        model = _model(info.annotation)
    return info


def _names(root: type[BaseModel], keys: list[str]) -> list[str]:
    info = _field(root, keys)
    model = _model(info.annotation) if info else root
    return list(model.model_fields) if model else []


def _model(annotation: Any) -> type[BaseModel] | None:
    several = isinstance(annotation, UnionType) or get_origin(annotation) is tuple
    choices = get_args(annotation) if several else (annotation,)
    return next((each for each in choices if isinstance(each, type) and issubclass(each, BaseModel)), None)
