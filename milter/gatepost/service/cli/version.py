"""`gatepost version`: what is running, for a bug report."""

from __future__ import annotations

import json
import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from typing import Annotated, Final

import typer

import gatepost

_NAMED: Final = ("pymilter", "dkimpy", "pyspf", "authres", "numpy", "scikit-learn", "clamd", "redis", "dnspython")


def number(asked: bool) -> None:
    """Print the version alone, where `gatepost --version` asks for it."""
    if asked:
        print(f"gatepost {gatepost.__version__}")
        raise typer.Exit


def version(
    json_output: Annotated[bool, typer.Option("--json", help="One JSON object, for machines.")] = False,
) -> None:
    """Print the version of Gatepost, of Python, and of the libraries that matter."""
    found = {"gatepost": gatepost.__version__, "python": platform.python_version()}
    for name in _NAMED:
        try:
            found[name] = installed(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    if json_output:
        print(json.dumps(found))
        return
    for name, known in found.items():
        print(f"{name:14} {known}")
