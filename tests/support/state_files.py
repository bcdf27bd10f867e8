"""Embedded state files for tests."""

from __future__ import annotations

from pathlib import Path

from gatepost.world.clock import Clock
from gatepost.world.state.sqlite import SqliteState


def file_state(path: Path, clock: Clock, **options) -> SqliteState:
    """Open an embedded file, patient enough for a busy test machine."""
    state = SqliteState(path, clock, **{"timeout": 5.0, **options})
    state.prepare()
    return state
