"""Names that must not get in each other's way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_import_milter_finds_pymilter_from_the_root() -> None:
    """The folder `milter/` does not hide pymilter's C module of the same name, not even from the project's root."""
    code = "import milter, Milter, gatepost; print(milter.__file__); milter.opensocket; Milter.Base"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "site-packages" in done.stdout
    assert done.stdout.strip().endswith(".so")


def test_no_package_hides_another() -> None:
    """Neither `milter/` nor `packaging/` is a package: each would hide one that the project needs."""
    assert not (ROOT / "milter" / "__init__.py").exists()
    assert not (ROOT / "packaging" / "__init__.py").exists()
    code = "import packaging.version; print(packaging.__file__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "site-packages" in done.stdout, done.stderr
