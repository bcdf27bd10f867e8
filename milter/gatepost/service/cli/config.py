"""`gatepost config check|show|reference`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, cast

import typer

from gatepost.checks.content.family import marks
from gatepost.service.assemble import refusals
from gatepost.service.complaints import plain, without_key, without_password
from gatepost.service.config import ConfigError, Loaded, load
from gatepost.service.reference import reference, toml_value

config_app = typer.Typer(help="Check, show and explain the config.", no_args_is_help=True, rich_markup_mode=None)

ConfigPath = Annotated[
    Path | None, typer.Argument(metavar="FILE", help="The config file; without one the built-in defaults are meant.")
]


@config_app.command()
def check(path: ConfigPath = None) -> None:
    """Say whether the daemon can use a config file, and the models and lists it names; exit 2 and one line per problem if not."""
    loaded = load(path)
    if refused := list(refusals(loaded)):
        raise ConfigError(refused)
    settings = loaded.config.classifier
    print(f"{path or 'built-in defaults'}: ok, config version {loaded.version}")
    print(f"classifier  {plain(marks(settings).said(settings.max_false_positive_rate))}")


@config_app.command()
def show(
    path: ConfigPath = None,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON object, for machines.")] = False,
) -> None:
    """Show every setting in force, and where its value came from. Secrets are hidden."""
    loaded = load(path)
    settings = effective(loaded)
    if json_output:
        print(json.dumps(settings, ensure_ascii=False))
        return
    for table, entries in settings.items():
        print(f"[{table}]")
        for key, value in entries.items():
            quoted = key if key.replace("_", "").isalnum() else f'"{key}"'
            setting = f"{quoted} = {toml_value(value)}"
            print(f"{setting:50}  # {plain(loaded.origin(table, key))}")
        print()


@config_app.command("reference")
def reference_command() -> None:
    """Print the reference of all settings and evidence codes, as Markdown."""
    print(reference(), end="")


def effective(loaded: Loaded) -> dict[str, dict[str, object]]:
    """Give all settings as plain data by table and key, weights and excuses merged, secrets hidden."""
    data: dict[str, dict[str, object]] = loaded.config.model_dump(mode="json")
    data["weights"] = dict(loaded.config.effective_weights())
    data["excuses"] = dict(loaded.config.effective_excuses())
    data["state"]["url"] = without_password(str(data["state"]["url"]))
    for listed in cast("list[dict[str, str]]", data["dnslists"]["list"]):
        listed["zone"] = without_key(listed["zone"])
    if data["headers"]["signing_key"]:
        data["headers"]["signing_key"] = "(hidden)"
    return data
