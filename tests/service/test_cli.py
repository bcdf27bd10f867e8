"""The command line as its user meets it: help, versions, config commands, exit codes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

import gatepost as package
from gatepost.service.assemble import snapshot
from gatepost.service.cli.main import main
from gatepost.service.config import Config
from gatepost.service.doors import AssemblyError
from gatepost.service.reference import reference
from support.cli import COMMAND, gatepost, on_terminal
from support.model import write_model

Run = Callable[..., tuple[int, str, str]]


def test_the_installed_command_answers() -> None:
    """`gatepost version` is installed and runs; a wrong command is one line and exit 2, without a traceback."""
    good = gatepost("version")
    assert (good.code, good.err) == (0, "")
    assert good.out.split()[:2] == ["gatepost", package.__version__]
    bad = gatepost("nonsense")
    assert (bad.code, bad.out) == (2, "")
    assert bad.err == "gatepost: No such command 'nonsense'. (gatepost --help tells more)\n"


def test_the_version_alone(run: Run) -> None:
    """`--version` is understood as every command line understands it."""
    assert run("--version") == (0, f"gatepost {package.__version__}\n", "")


@pytest.mark.parametrize("arguments", [("config", "show"), ("config", "reference"), ("version", "--json")])
def test_output_that_cannot_be_written_is_one_line(arguments: tuple[str, ...]) -> None:
    """A full disk behind standard output is said in one line, with exit 1."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, check=False, text=True)
    assert (done.returncode, done.stderr) == (1, "gatepost: the output cannot be written: No space left on device\n")


@pytest.mark.parametrize(
    ("words", "code"),
    [("nonsense 2>&-", 2), ("version >&-", 0), ("version <&- >&- 2>&-", 0), ("scan --no-network - <&-", 0)],
)
def test_closed_streams_are_no_error(words: str, code: int) -> None:
    """A caller may close standard streams: the command does what it would, and nothing else gets their numbers."""
    done = subprocess.run(["sh", "-c", f'exec "$0" {words}', COMMAND], capture_output=True, timeout=60, check=False)
    assert (done.returncode, b"Error" in done.stderr) == (code, False)


def test_version_for_machines(run: Run) -> None:
    """`version --json` is one object with the versions that a bug report needs."""
    code, out, _ = run("version", "--json")
    told = json.loads(out)
    assert code == 0
    assert told["gatepost"] == package.__version__
    assert {"python", "pymilter", "dkimpy", "pyspf", "authres", "scikit-learn", "clamd", "redis"} <= set(told)
    assert "not installed" not in told.values()


def test_every_command_explains_itself(run: Run) -> None:
    """--help gives a sentence and every option's meaning, for each command; nothing asked for is the help and exit 2."""
    code, out, _ = run("--help")
    assert code == 0
    commands = [line.split()[0] for line in out.partition("Commands:\n")[2].splitlines() if line.strip()]
    assert {"run", "scan", "config", "version", "train"} <= set(commands)
    for command in commands:
        code, out, err = run(command, "--help")
        assert (code, err) == (0, "")
        assert out.startswith(f"Usage: gatepost {command}")
        assert "\x1b" not in out
        described = [line for line in out.splitlines() if line.strip().startswith("--")]
        assert all(len(line.split("  ")) > 1 for line in described)
    code, out, err = run()
    assert (code, out) == (2, "")
    assert "Commands:" in err


@pytest.mark.parametrize(
    "command", ["run", "scan", "explain", "learn", "evaluate", "status", "reputation show", "reputation reset"]
)
def test_the_config_is_named_alike_everywhere(run: Run, command: str) -> None:
    """Whoever knows `-c FILE` of one command knows it of all, and what holds without it."""
    _, out, _ = run(*command.split(), "--help")
    (line,) = (at for at, line in enumerate(out.splitlines()) if line.startswith("  -c, --config FILE  "))
    assert "without it the" in " ".join(out.splitlines()[line : line + 2])


def test_config_check(run: Run, tmp_path: Path) -> None:
    """A good config says so with its version; a wrong one gives a line for each mistake and exit 2."""
    path = tmp_path / "site.toml"
    path.write_text("[thresholds]\nreject = 20\n")
    code, out, err = run("config", "check", path)
    assert (code, err) == (0, "")
    assert out.startswith(f"{path}: ok, config version ")
    assert out.splitlines()[1].startswith("classifier  marks from p=0.")
    path.write_text('[thresholds]\nreject = "20"\ntagg = 5\n')
    code, out, err = run("config", "check", path)
    assert (code, out) == (2, "")
    first, second = err.splitlines()
    assert first.startswith(f'gatepost: {path}:2: [thresholds] reject: "20": must be a number from 0.1 to 1000')
    assert second.startswith(f'gatepost: {path}:3: [thresholds] tagg: unknown key; did you mean "tag"?')
    assert run("config", "check")[1].startswith("built-in defaults: ok")


@pytest.mark.parametrize(
    ("settings", "lines"),
    [
        ('[classifier]\nmodel = "nosuch"', ["model nosuch: no model of that name is installed"]),
        ('[classifier]\nmodel = "{cut}"', ["model {cut}: weights.npz does not match its checksum"]),
        (
            '[classifier]\nshadow = "{cut}"',
            ["[classifier] shadow: model {cut}: weights.npz does not match its checksum"],
        ),
        (
            '[classifier]\nmodel = "/nowhere"\nshadow = "/nowhere/else"',
            ["model /nowhere: no such directory", "[classifier] shadow: model /nowhere/else: no such directory"],
        ),
        (
            '[attachments]\nblocked_file = "/nowhere"\nallowed_file = "/nowhere/else"',
            ["/nowhere: cannot be read", "/nowhere/else: cannot be read"],
        ),
        ('[state]\nurl = "redis+sentinel://192.0.2.1/"', ["state.url: "]),
        ('[state]\nurl = "sqlite://relative"', ["state.url must be sqlite:///path"]),
    ],
)
def test_config_check_refuses_what_the_daemon_refuses(
    run: Run, tmp_path: Path, settings: str, lines: list[str]
) -> None:
    """A config whose models, lists or store the daemon would not start with gives a line for each and exit 2, as `run` does."""
    cut = write_model(tmp_path / "cut")
    (cut / "weights.npz").write_bytes((cut / "weights.npz").read_bytes()[:-9])
    path = tmp_path / "site.toml"
    path.write_text(settings.replace("{cut}", str(cut)))
    code, out, err = run("config", "check", path)
    assert (code, out) == (2, "")
    told = err.splitlines()
    assert len(told) == len(lines)
    for line, wanted in zip(told, lines, strict=True):
        assert line.startswith(f"gatepost: {wanted.replace('{cut}', str(cut))}")
    with pytest.raises(AssemblyError, match=re.escape(told[0].removeprefix("gatepost: ")) if len(told) == 1 else None):
        snapshot(path, {})


def test_config_show_names_every_origin(run: Run, tmp_path: Path) -> None:
    """Every setting in force stands there with file and line, or as a default; what is printed is a config itself."""
    path = tmp_path / "site.toml"
    path.write_text(
        '[milter]\nworkers = 3\n\n[weights]\n"spf.fail" = 9\n\n[actions.inbound]\n"dmarc.reject" = "reject"\n'
    )
    code, out, err = run("config", "show", path)
    assert (code, err) == (0, "")
    origins = {line.partition(" = ")[0]: line.rpartition("  # ")[2] for line in out.splitlines() if " = " in line}
    assert origins["workers"] == f"{path}:2"
    assert origins['"spf.fail"'] == f"{path}:5"
    assert origins['"dmarc.fail"'] == "default"
    assert origins["tag"] == "default"
    assert origins["inbound"].startswith(str(path))
    assert origins["outbound"] == "default"
    shown = tomllib.loads(out)
    assert set(shown) == set(Config.model_fields)
    assert shown["milter"]["workers"] == 3
    assert shown["actions"]["inbound"]["virus.infected"] == "reject"
    # What was printed can be used as a config, and then says the same.
    again = tmp_path / "again.toml"
    again.write_text(out)
    assert json.loads(run("config", "show", "--json", again)[1]) == json.loads(run("config", "show", "--json", path)[1])


def test_config_show_hides_secrets(run: Run, tmp_path: Path) -> None:
    """Neither the signing key nor the password of the store is shown, in either form."""
    path = tmp_path / "site.toml"
    path.write_text('[headers]\nsigning_key = "hush"\n[state]\nurl = "rediss://gatepost:hush@192.0.2.9:6380/0"\n')
    for options in ([], ["--json"]):
        code, out, _ = run("config", "show", *options, path)
        assert code == 0
        assert "hush" not in out
        assert "(hidden)" in out
        assert "rediss://gatepost:(hidden)@192.0.2.9:6380/0" in out


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://u:hush@HUSH@192.0.2.9/0", "redis://u:(hidden)@192.0.2.9/0"),
        ("redis://u:hu/sh?hush@192.0.2.9/0", "redis://u:(hidden)@192.0.2.9/0"),
        ("redis://192.0.2.9/0?password=hush&db=1", "redis://192.0.2.9/0?password=(hidden)&db=1"),
        (
            "redis+sentinel://192.0.2.9/s?sentinel_password=hush&ssl_password=hush",
            "redis+sentinel://192.0.2.9/s?sentinel_password=(hidden)&ssl_password=(hidden)",
        ),
        ("redis://user@192.0.2.9/0", "redis://user@192.0.2.9/0"),
    ],
)
def test_config_show_hides_a_password_wherever_it_stands(run: Run, tmp_path: Path, url: str, shown: str) -> None:
    """Every option that holds a password is hidden, and all of a password that should have been escaped."""
    path = tmp_path / "site.toml"
    path.write_text(f'[state]\nurl = "{url}"\n')
    for options in ([], ["--json"]):
        code, out, _ = run("config", "show", *options, path)
        assert code == 0
        assert "hush" not in out.lower()
        assert shown in out


def test_config_show_hides_the_key_of_a_dns_list(run: Run, tmp_path: Path) -> None:
    """The key in a paid list's zone is hidden, and the rest of the zone is not; a public one is shown whole."""
    path = tmp_path / "site.toml"
    zones = ("hush.zen.dq.spamhaus.net", "hush0123456789abcdef.df.uribl.com", "b.barracudacentral.org")
    path.write_text("".join(f'[[dnslists.list]]\nzone = "{zone}"\nkinds = ["address"]\n' for zone in zones))
    for options in ([], ["--json"]):
        out = run("config", "show", *options, path)[1]
        assert "hush" not in out
        for zone in ("(hidden).zen.dq.spamhaus.net", "(hidden).df.uribl.com", '"b.barracudacentral.org'):
            assert zone in out


def test_config_reference(run: Run) -> None:
    """The reference is printed as it is committed."""
    assert run("config", "reference") == (0, reference(), "")


def test_a_config_that_is_a_terminal_trick(run: Run, tmp_path: Path) -> None:
    """A value in a config cannot speak to the terminal through `config show`."""
    path = tmp_path / "site.toml"
    path.write_text('[milter]\nsubmission_daemon_names = ["\\u001b[31m\\u009b1m\\u202e"]\n')
    _, out, _ = run("config", "show", path)
    assert all(line.isprintable() for line in out.splitlines())
    assert tomllib.loads(out)["milter"]["submission_daemon_names"] == ["\x1b[31m\x9b1m\u202e"]


def test_an_interrupt_is_no_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends with exit code 130 and says nothing more."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gatepost.service.cli.scan.load", interrupted)
    assert run("scan", "--no-network", __file__) == (130, "", "")


def test_an_error_of_our_own_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody foresaw is one line and exit 1; the traceback is there for whoever asks for it."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("by\nzero")

    monkeypatch.setattr("gatepost.service.cli.scan.load", broken)
    code, out, err = run("scan", "--no-network", __file__)
    assert (code, out) == (1, "")
    assert err == "gatepost: internal error: ZeroDivisionError: by\\nzero (GATEPOST_DEBUG=1 shows the traceback)\n"
    monkeypatch.setenv("GATEPOST_DEBUG", "1")
    monkeypatch.setattr(sys, "argv", ["gatepost", "scan", __file__])
    with pytest.raises(ZeroDivisionError):
        main()


def test_help_on_a_terminal_fits_it() -> None:
    """On a terminal the help is plain text too."""
    shown = on_terminal("scan", "--help")
    assert shown.code == 0
    assert "--no-network" in shown.out
