"""Compile the loops of the content check when the project is installed or packed, and pack the models (hatchling calls this).

Needs a C compiler and the headers of Python, as pymilter does. `CC`, `CFLAGS` and `LDFLAGS` are heeded. What comes out uses
Python's stable interface alone, so that one file serves every Python from 3.11 on.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sysconfig
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_SOURCES: Final = Path("milter/gatepost/checks/content/loops")
_MADE: Final = Path("milter/gatepost/checks/content/_loops.abi3.so")
_FLAGS: Final = shlex.split(
    "-std=c11 -O2 -Wall -Wextra -fPIC -shared -fvisibility=hidden -fstack-protector-strong -D_FORTIFY_SOURCE=2 -Wl,-z,relro,-z,now"
)


class LoopsHook(BuildHookInterface):  # type: ignore[type-arg]
    """Puts the compiled module beside its sources' folder, and into the wheel; the models that score mail go there, too."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; raises RuntimeError, one line, where that cannot be done."""
        if self.target_name != "wheel":
            return
        compile_loops(Path(self.root))
        if version != "editable":  # a checkout has its models beside the code
            build_data["force_include"].update(shipped(Path(self.root)))
        build_data["artifacts"].append(_MADE.as_posix())
        build_data["pure_python"] = False
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"cp311-abi3-{platform}"


def shipped(root: Path) -> dict[str, str]:
    """Give the models of the tree at `root` and where they stand in the wheel; the mail written for training stays behind."""
    return {str(model): f"gatepost/_models/{model.name}" for model in sorted((root / "models").glob("base-*"))}


def compile_loops(root: Path) -> None:
    """Compile the module of the tree at `root`; raises RuntimeError, one line, where that cannot be done."""
    made = root / _MADE
    # Never written in place: a daemon that runs from this tree has the old file mapped.
    fresh = made.with_name(f"{made.name}.{os.getpid()}")
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    sources = sorted(map(str, (root / _SOURCES).glob("*.c")))
    given = [shlex.split(os.environ.get(name, "")) for name in ("CFLAGS", "LDFLAGS")]
    command = [
        *compiler,
        *_FLAGS,
        f"-I{sysconfig.get_path('include')}",
        *given[0],
        *sources,
        *given[1],
        "-o",
        str(fresh),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"gatepost: {shlex.join(command)} failed:\n{done.stderr}")
        fresh.replace(made)
    except OSError as error:
        raise RuntimeError(
            f"gatepost: a C compiler and the headers of Python are needed (on Debian: gcc libc6-dev python3-dev): {error}"
        ) from error
    finally:
        fresh.unlink(missing_ok=True)
