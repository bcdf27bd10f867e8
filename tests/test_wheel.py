"""What is shipped is what was tested."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_the_wheel_carries_its_model(tmp_path: Path) -> None:
    """A wheel built from this tree, unpacked somewhere else, judges a message with the model inside it, and has no training mail."""
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(tmp_path),
        str(ROOT),
    ]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("gatepost-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
        names = archive.namelist()
    assert {name.split("/")[2][:5] for name in names if name.startswith("gatepost/_models/")} == {"base-"}
    (tmp_path / "message.eml").write_bytes(b"From: a@example.org\nSubject: hello\n\nSee you at lunch.\n")
    code = (
        "import sys; sys.path.insert(0, 'site'); import gatepost, gatepost.checks.content.family as family;"
        "assert gatepost.__file__.startswith(sys.path[0]) or 'site/' in gatepost.__file__, gatepost.__file__;"
        "assert '_models' in str(family.find_model('base')), family.find_model('base');"
        "from gatepost.service.cli.main import main;"
        "sys.argv = ['gatepost', 'scan', '--json', '--no-network', 'message.eml']; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": ""},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["spam_probability"] is not None
