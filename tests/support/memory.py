"""How much memory a process has taken, as the kernel counts it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def peak_bytes(pid: int | str = "self", field: str = "VmHWM") -> int:
    """Give the most that a process ever held: VmHWM resident, VmPeak address space (proc(5))."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) * 1024


@contextmanager
def peak_growth() -> Iterator[Callable[[], int]]:
    """Measure this process: gives a function that says by how many bytes its resident peak rose meanwhile."""
    Path("/proc/self/clear_refs").write_text("5")  # sets the peak back to what is held now
    before = peak_bytes()
    yield lambda: peak_bytes() - before
