"""`gatepost` with a spy: a worker that imports a module after it gave up its privileges says `LATE IMPORT name`.

The account that workers run as may not be able to read the program's own files (a virtual environment below a home
directory), so whatever is imported late works for the developer and fails for the operator.
"""

from __future__ import annotations

import os
import sys

from gatepost.service import privileges
from gatepost.service.cli import main

_forbid = privileges.forbid_new_privileges


class Spy:
    """A finder that finds nothing and tells everything."""

    def find_spec(self, name: str, *_: object) -> None:
        """Tell of an import."""
        os.write(2, f"LATE IMPORT {name}\n".encode())


def watch() -> None:
    """Do what the worker does at this moment, then watch its imports."""
    _forbid()
    sys.meta_path.insert(0, Spy())  # type: ignore[arg-type]


if __name__ == "__main__":
    privileges.forbid_new_privileges = watch
    main.main()
