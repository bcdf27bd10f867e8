"""The files that plug the daemon in say what the daemon does by default."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gatepost.arrival.settings import Settings
from gatepost.service.config import load
from gatepost.service.doors import live_doors
from gatepost.service.organs import organs
from gatepost.world.clock import SystemClock
from gatepost.world.state.memory import MemoryState
from support.model import write_model

PACKAGING = Path(__file__).resolve().parents[2] / "packaging"
DEFAULTS = Settings()


def test_systemd_waits_longer_than_the_daemon():
    """The service manager does not kill what still finishes messages, and its watchdog leaves time to load a model."""
    unit = (PACKAGING / "systemd" / "gatepost.service").read_text()
    assert float(re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)[1]) > DEFAULTS.stop_seconds + 10
    assert "Type=notify\n" in unit
    assert "KillMode=mixed\n" in unit


def test_mta_snippets_name_the_default_socket():
    """Postfix and Sendmail find the daemon where it listens, and wait longer than it takes."""
    postfix = (PACKAGING / "postfix" / "main.cf.snippet").read_text()
    sendmail = (PACKAGING / "sendmail" / "gatepost.mc").read_text()
    assert f"smtpd_milters = {DEFAULTS.listen}\n" in postfix
    assert f"S={DEFAULTS.address.milter}," in sendmail
    assert float(re.search(r"^milter_content_timeout = (\d+)s$", postfix, re.MULTILINE)[1]) > DEFAULTS.message_seconds
    assert f"milter_macro_daemon_name={DEFAULTS.submission_daemon_names[0]}" in postfix


def test_the_unit_lets_the_daemon_write_where_the_snippet_puts_its_socket():
    """The unix socket of the Postfix snippet is usable under the shipped unit, with the settings that stand beside it."""
    postfix = (PACKAGING / "postfix" / "main.cf.snippet").read_text()
    unit = (PACKAGING / "systemd" / "gatepost.service").read_text()
    (listen,) = re.findall(r'listen = "(unix:[^"]+)"', postfix)
    path = Path(Settings(listen=listen).address.path)
    assert f"ReadWritePaths=-{path.parent}\n" in unit
    assert re.search(rf"install -d -o gatepost -g postfix -m 2750 {path.parent}$", postfix, re.MULTILINE)
    # Relative to the queue directory it is the same in the chroot and out of it.
    assert f"smtpd_milters = unix:{path.relative_to('/var/spool/postfix')}\n" in postfix
    assert not re.search(r"socket_owner *=", postfix)
    assert "PrivateUsers=yes" in unit


@pytest.mark.parametrize(
    ("listen", "shown"),
    [
        ("unix:/var/spool/postfix/gatepost/milter", "unix:gatepost/milter"),
        ("unix:/run/gatepost/milter", "unix:/run/gatepost/milter"),
        ("inet:127.0.0.1:8890", "inet:127.0.0.1:8890"),
    ],
)
def test_the_start_shows_the_line_of_the_snippet(tmp_path: Path, listen: str, shown: str):
    """The first lines of `gatepost run` give Postfix the address in the form that works in smtpd's chroot."""
    path = tmp_path / "gatepost.toml"
    model = write_model(tmp_path / "model")
    path.write_text(
        f'[milter]\nlisten = "{listen}"\n[dns]\nservers = ["127.0.0.1:1"]\n[classifier]\nmodel = "{model}"\n'
    )
    loaded = load(path)
    lines = list(organs(loaded, live_doors(loaded.config, SystemClock(), MemoryState(SystemClock()))))
    assert lines[-1] == f"  smtpd_milters = {shown}"
