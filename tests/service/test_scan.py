"""`gatepost scan`: the contract of its JSON, its sources, its envelope, and what it says when it cannot."""

from __future__ import annotations

import json
import mailbox
import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import pytest

from gatepost.arrival.replay import files
from gatepost.verdict import Label
from support.cases import FOLDER, Case
from support.cli import COMMAND, gatepost, measured, on_terminal
from support.hostile import GROWING
from support.model import seal, write_model

KEYS = [
    "file",
    "id",
    "outcome",
    "score",
    "spam_probability",
    "class",
    "degraded",
    "because",
    "evidence",
    "headers",
    "reply",
    "seconds",
]
SIGNED = FOLDER / "checks" / "auth" / "20-dkim-pass.eml"
MAIL = FOLDER / "mail"
STATUSES = {"pass", "fail", "softfail", "neutral", "none", "policy", "temperror", "permerror"}
MEGABYTE = 1024 * 1024

Run = Callable[..., tuple[int, str, str]]


def verdicts(out: str) -> list[dict[str, Any]]:
    """Read what --json printed."""
    return [json.loads(line) for line in out.splitlines()]


def stable(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Take away what differs between two runs: times, ids, signatures."""
    for each in found:
        del each["seconds"], each["id"]
        each["headers"] = [header for header in each["headers"] if header[0] != "X-Gatepost-Verdict"]
        each["reply"] = (each["reply"] or "").partition(" (id ")[0]
    return found


def test_json_is_what_the_contract_says(run: Run) -> None:
    """One line per message, with exactly the keys and types that scripts build on, whatever the message."""
    code, out, err = run("scan", "--json", "--no-network", MAIL, FOLDER / "effects")
    found = verdicts(out)
    assert (code, err) == (0, "")
    assert len(found) == sum(path.is_file() for folder in (MAIL, FOLDER / "effects") for path in folder.iterdir())
    for each in found:
        assert list(each) == KEYS
        assert each["outcome"] in {"accept", "quarantine", "defer", "reject"}
        assert isinstance(each["score"], float)
        assert each["spam_probability"] is None or 0 <= each["spam_probability"] <= 1
        assert each["class"] in set(Label)
        assert each["degraded"] in ([], ["dns"])
        assert each["reply"] is None or each["reply"][:2] in {"45", "55"}
        assert 0 <= each["seconds"] < 30
        assert round(sum(part["points"] for part in each["because"]), 1) == each["score"]
        assert all(list(part) == ["code", "points", "detail"] for part in each["because"])
        for item in each["evidence"]:
            assert list(item)[:5] == ["check", "code", "status", "detail", "facts"]
            assert set(item) <= {"check", "code", "status", "detail", "facts", "value"}
            assert item["code"].startswith(item["check"] + ".")
            assert item["status"] in STATUSES
            assert all(isinstance(fact, str) for fact in item["facts"].values())
        assert [name for name, _ in each["headers"]].count("Authentication-Results") == 1
        assert all(value.isascii() and "\n" not in value for _, value in each["headers"])


@pytest.mark.parametrize(
    "name",
    [
        "checks/auth/20-dkim-pass",
        "checks/auth/54-dmarc-fail-reject",
        "checks/virus/05-clean",
        "decision/01-outbound-untouched",
    ],
)
def test_a_file_gets_the_verdict_of_its_case(run: Run, name: str) -> None:
    """The options carry the same envelope and zone as a mail case, and the same evidence comes out."""
    case = Case(FOLDER / name)
    said, options = case.read(".smtp"), []
    for key, value in said.items():
        for each in value if isinstance(value, list) else [value]:
            options += [f"--{key}", each]
    zone = case.stem.with_name(case.stem.name + ".dns")
    code, out, _ = run("scan", "--json", "--dns-zone", zone, *options, case.stem.with_name(case.stem.name + ".eml"))
    (found,) = verdicts(out)
    record = case.judge()
    assert code == 0
    without_virus = [item.code for item in record.evidence if item.check not in {"virus", "dkim"}]
    assert [item["code"] for item in found["evidence"] if item["check"] not in {"virus", "dkim"}] == without_virus
    assert bool(found["headers"]) == (not said.get("auth-user"))


def test_a_zone_answers_all_questions(run: Run) -> None:
    """With a zone file a signature is verified without any network."""
    _, out, _ = run("scan", "--json", "--dns-zone", SIGNED.with_suffix(".dns"), SIGNED)
    (found,) = verdicts(out)
    # The case's clock stands in 2026; a signature without an expiry counts at any later time, and earlier it is from the future.
    assert [item["code"] for item in found["evidence"] if item["check"] == "dkim"] in (
        ["dkim.pass"],
        ["dkim.permerror"],
    )
    assert found["degraded"] == []


def test_no_network_asks_nobody(run: Run, tmp_path: Path) -> None:
    """--no-network leaves clamd and Redis alone even where they are configured: the sockets see no connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        config = tmp_path / "site.toml"
        config.write_text(f'[virus]\nclamd = "tcp:127.0.0.1:{port}"\n[state]\nurl = "redis://127.0.0.1:{port}"\n')
        code, out, _ = run("scan", "--json", "--no-network", "--config", config, SIGNED)
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
    (found,) = verdicts(out)
    assert code == 0
    assert found["degraded"] == ["dns"]
    assert "virus.skipped" in [item["code"] for item in found["evidence"]]
    assert not [item["code"] for item in found["evidence"] if item["status"] == "fail"]


@pytest.mark.parametrize(
    ("arguments", "pieces"),
    [
        (["--client-ip", "1.2.3", SIGNED], ["--client-ip", "'1.2.3' is not an IP address"]),
        (["/no/such/mail.eml"], ["/no/such/mail.eml: no such file or directory"]),
        (["--config", "/no/such.toml", SIGNED], ["/no/such.toml: cannot be read: No such file or directory"]),
        (["--dns-zone", "/no/such.zone", SIGNED], ["/no/such.zone: No such file or directory"]),
        (["--dns-zone", "/", SIGNED], ["/: Is a directory"]),
        (["--dns-zone", SIGNED, SIGNED], ["20-dkim-pass.eml: "]),
        (["--jobs", "0", SIGNED], ["--jobs"]),
        (["--jobs", "two", SIGNED], ["--jobs"]),
        (["--bogus", SIGNED], ["--bogus"]),
        ([], ["PATH"]),
        (["x" * 5000], ["cannot be read: File name too long"]),
        (["/no/\x1b[31msuch\n.eml"], ["/no/\\x1b[31msuch\\n.eml: no such file or directory"]),
    ],
)
def test_wrong_usage_is_one_line(run: Run, arguments: list[str | Path], pieces: list[str]) -> None:
    """A wrong option, address, path, zone or config: exit 2, nothing on standard output, one line that names it."""
    code, out, err = run("scan", "--no-network", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("gatepost: ")
    assert err.count("\n") == 1
    assert err[:-1].isprintable()
    assert all(piece in err for piece in pieces)


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "fe80::1%eth0"])
def test_every_form_of_a_client_address(run: Run, address: str) -> None:
    """Both families, mapped and scoped addresses are clients like any other."""
    code, out, err = run("scan", "--json", "--no-network", "--client-ip", address, SIGNED)
    assert (code, err) == (0, "")
    assert "iprev.temperror" in [item["code"] for item in verdicts(out)[0]["evidence"]]


def test_an_empty_directory_is_said(run: Run, tmp_path: Path) -> None:
    """Where there is no message at all, that is an error and not an empty answer."""
    code, out, err = run("scan", "--no-network", "--json", tmp_path)
    assert (code, out) == (2, "")
    assert err == f"gatepost: no message found in {tmp_path}\n"


def test_mbox_maildir_and_directories(run: Run, tmp_path: Path) -> None:
    """An mbox gives its messages by number, a Maildir its new and cur, a directory all below it, in a stable order."""
    box = mailbox.mbox(tmp_path / "box.mbox")
    for number in range(3):
        box.add(f"From: a@b.example\nSubject: {number}\n\nFrom here on\n")
    box.close()
    maildir = mailbox.Maildir(tmp_path / "maildir")
    maildir.add("From: a@b.example\n\nhello\n")
    (tmp_path / "maildir" / "tmp" / "half").write_text("From: a@b.example\n\nhalf\n")
    (tmp_path / "plain").mkdir()
    for name in ("b.eml", "a.eml"):
        (tmp_path / "plain" / name).write_text("From: a@b.example\n\nhello\n")
    code, out, _ = run(
        "scan", "--no-network", "--json", tmp_path / "box.mbox", tmp_path / "maildir", tmp_path / "plain"
    )
    names = [each["file"] for each in verdicts(out)]
    assert code == 0
    assert names[:3] == [f"{tmp_path / 'box.mbox'}:{number}" for number in (1, 2, 3)]
    assert names[3].startswith(str(tmp_path / "maildir" / "new"))
    assert names[4:] == [str(tmp_path / "plain" / "a.eml"), str(tmp_path / "plain" / "b.eml")]


def test_standard_input_is_a_message_or_an_mbox() -> None:
    """`-` reads standard input."""
    one = gatepost("scan", "--no-network", "--json", "-", stdin=SIGNED.read_bytes())
    assert [each["file"] for each in verdicts(one.out)] == ["-"]
    two = gatepost(
        "scan",
        "--no-network",
        "--json",
        "-",
        stdin=b"From x\nFrom: a@b.example\n\nhi\n\nFrom y\nFrom: c@d.example\n\nho\n",
    )
    assert [each["file"] for each in verdicts(two.out)] == ["-:1", "-:2"]


def test_several_processes_say_the_same() -> None:
    """--jobs 2 gives the results of --jobs 1, in the same order."""
    one, two = (gatepost("scan", "--no-network", "--json", "--jobs", jobs, MAIL, FOLDER / "decision") for jobs in "12")
    assert (one.code, two.code, two.err) == (0, 0, "")
    assert stable(verdicts(one.out)) == stable(verdicts(two.out))


def test_a_table_in_a_pipe_is_plain_text() -> None:
    """Into a pipe or a file go no colours, no bar, and lines that are not cut at eighty columns."""
    many = gatepost("scan", "--no-network", MAIL)
    assert (many.code, many.err) == (0, "")
    assert "\x1b" not in many.out
    lines = many.out.splitlines()
    assert lines[1].split() == ["message", "outcome", "score", "class", "spam", "because"]
    assert f"{len(list(MAIL.iterdir()))} messages: " in lines[-1]
    single = gatepost("scan", "--no-network", SIGNED)
    assert "\x1b" not in single.out
    for part in ("score", "evidence", "headers", "sum", "dmarc.temperror", "X-Gatepost-Reason: "):
        assert part in single.out


def test_a_table_on_a_terminal_has_colours_and_a_bar() -> None:
    """On a terminal outcomes are coloured and a bar shows how far it is."""
    shown = on_terminal("scan", "--no-network", FOLDER / "checks" / "virus")
    assert shown.code == 0
    assert "\x1b[32maccept" in shown.out
    assert "scanning" in shown.out
    assert "scanning" not in on_terminal("scan", "--no-network", SIGNED).out


def test_json_on_a_terminal_is_json() -> None:
    """A terminal changes nothing about the lines that --json prints, but that a bar may stand between them."""
    shown = on_terminal("scan", "--no-network", "--json", SIGNED)
    assert [each["outcome"] for each in verdicts(shown.out)] == ["accept"]


@pytest.fixture
def wicked(tmp_path: Path) -> Path:
    """Give a folder with a message whose name, subject, sender and body speak to terminals."""
    escape = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\u202e"
    folder = tmp_path / "wicked"
    folder.mkdir()
    (folder / f"a{escape}b.eml").write_text(
        f"From: {escape} <a{escape}@b.example>\nSubject: {escape}\nDKIM-Signature: v=1; d={escape}; s=x\n"
        f"Content-Type: text/html\n\n<a href='http://{escape}.example/'>{escape}</a>\n"
    )
    (folder / "\udcff\udcfe.eml").write_text("From: a@b.example\n\nhello\n")
    return folder


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_escape_sequences_reach_no_pipe(run: Run, wicked: Path, options: list[str]) -> None:
    """Neither file names nor anything in a message or envelope stands unchanged in what is printed."""
    envelope = ["--mail-from", "\x1b[31m@b.example", "--helo", "\x1b[31m", "--rcpt-to", "\x9b@c.example"]
    for path in (wicked, *wicked.iterdir()):
        code, out, err = run("scan", "--no-network", *envelope, *options, path)
        assert (code, err) == (0, "")
        assert all(line.isprintable() for line in out.splitlines())


def test_escape_sequences_reach_no_terminal(wicked: Path) -> None:
    """On a terminal only our own colours are sent."""
    shown = on_terminal("scan", "--no-network", wicked)
    assert shown.code == 0
    assert "\x07" not in shown.out
    assert "\x1b[2J" not in shown.out
    assert "\x1b]" not in shown.out


def test_a_terminal_without_unicode(tmp_path: Path) -> None:
    """Where standard output knows ASCII only, people see escapes and machines still get UTF-8."""
    path = tmp_path / "müll.eml"
    shutil.copy(FOLDER / "checks" / "content" / "08-chinese.eml", path)
    env = {"PYTHONIOENCODING": "ascii"}
    shown = gatepost("scan", "--no-network", path, env=env)
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.isascii()
    told = gatepost("scan", "--no-network", "--json", path, env=env)
    assert verdicts(told.out)[0]["file"] == str(path)


def _broken_models(directory: Path) -> Iterator[tuple[str, Path]]:
    yield "no such directory", directory / "missing"
    empty = directory / "empty"
    empty.mkdir()
    yield "SHA256SUMS", empty
    for name in ("weights.npz", "features.json"):
        altered = write_model(directory / f"altered-{name}")
        (altered / name).write_bytes((altered / name).read_bytes()[:-1] + b"?")
        yield f"{name} does not match its checksum", altered
        gone = write_model(directory / f"gone-{name}")
        (gone / name).unlink()
        yield f"{name} is missing", gone
    for number, text in enumerate(["nonsense", "[]", "{}", '{"format": 1, "features_version": 0}', '{"format": 99}']):
        other = write_model(directory / f"meta-{number}")
        (other / "features.json").write_text(text)
        seal(other)
        yield f"meta-{number}", other
    pickled = write_model(directory / "pickled")
    (pickled / "weights.npz").write_bytes(b"\x80\x04K\x01.")
    seal(pickled)
    yield "cannot be read", pickled


def test_a_model_that_cannot_be_used(run: Run, tmp_path: Path) -> None:
    """A missing, altered, foreign or pickled model: exit 2 and one line with its name, before any message is read."""
    for pieces, directory in _broken_models(tmp_path):
        config = tmp_path / "site.toml"
        config.write_text(f'[classifier]\nmodel = "{directory}"\n')
        code, out, err = run("scan", "--no-network", "--config", config, SIGNED)
        assert (code, out) == (2, "")
        assert err.startswith(f"gatepost: model {directory}: ")
        assert pieces in err
        assert err.count("\n") == 1


def test_a_model_of_ones_own(run: Run, tmp_path: Path) -> None:
    """A directory with a good model is used, and its opinion is the one that counts."""
    write_model(tmp_path / "mine", spam="bridge")
    (tmp_path / "site.toml").write_text(f'[classifier]\nmodel = "{tmp_path / "mine"}"\n')
    _, out, _ = run("scan", "--no-network", "--json", "--config", tmp_path / "site.toml", SIGNED)
    content = [item for item in verdicts(out)[0]["evidence"] if item["check"] == "content"]
    assert content[0]["facts"]["model"] == "mine"


def test_a_resolver_that_is_not_there(run: Run, tmp_path: Path) -> None:
    """A closed port for a name server: a verdict, marked as incomplete, and nothing called a failure."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    config = tmp_path / "site.toml"
    config.write_text(f'[dns]\nservers = ["127.0.0.1:{port}"]\ntimeout_seconds = 0.2\n')
    code, out, _ = run(
        "scan", "--json", "--config", config, "--client-ip", "192.0.2.1", "--mail-from", "a@sender.example", SIGNED
    )
    (found,) = verdicts(out)
    assert code == 0
    assert found["degraded"] == ["dns"]
    assert {item["status"] for item in found["evidence"] if item["check"] in {"iprev", "spf", "dkim", "dmarc"}} == {
        "temperror"
    }


def test_a_resolver_that_never_answers_costs_no_more_than_the_deadline(run: Run, tmp_path: Path) -> None:
    """A silent name server: the message's deadline holds over all checks together, and the verdict says what is missing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        config = tmp_path / "site.toml"
        servers = f'[dns]\nservers = ["127.0.0.1:{silent.getsockname()[1]}"]\ntimeout_seconds = 0.6\n'
        config.write_text(servers + "[milter]\nmessage_seconds = 1\n")
        code, out, _ = run(
            "scan", "--json", "--config", config, "--client-ip", "192.0.2.1", "--mail-from", "a@sender.example", SIGNED
        )
    (found,) = verdicts(out)
    assert code == 0
    assert "dns" in found["degraded"]
    assert found["outcome"] == "accept"
    assert found["seconds"] < 2
    assert not [item["code"] for item in found["evidence"] if item["status"] in {"fail", "permerror"}]


@pytest.mark.parametrize(
    "name", ["one long line", "one long header", "sibling parts", "quoted-printable", "nested multiparts"]
)
def test_memory_is_bounded(tmp_path: Path, name: str) -> None:
    """Mail of any size is judged in an address space of 600 MB, and holds no more than a few copies of what is kept."""
    size, make = GROWING[name]
    path = tmp_path / "large.eml"
    path.write_bytes(make(size))
    ran = measured("scan", "--no-network", "--json", path, address_space=600 * MEGABYTE)
    assert (ran.code, ran.err) == (0, "")
    assert len(verdicts(ran.out)) == 1
    assert ran.peak < 350 * MEGABYTE


def test_many_messages_cost_no_more_memory_than_few(tmp_path: Path) -> None:
    """An mbox of a hundred megabytes is read message by message."""
    path = tmp_path / "large.mbox"
    body = (
        b"From x\nFrom: a@b.example\nContent-Type: application/zip\n\n" + b"not to be read as words\n" * 20_000 + b"\n"
    )
    with path.open("wb") as stream:
        for _ in range(200):
            stream.write(body)
    ran = measured("scan", "--no-network", "--json", path, address_space=600 * MEGABYTE)
    assert (ran.code, ran.err) == (0, "")
    assert len(verdicts(ran.out)) == 200
    assert ran.peak < 200 * MEGABYTE


def test_a_reader_that_goes_away() -> None:
    """`gatepost scan | head` ends without a traceback."""
    ran = gatepost("scan", "--no-network", "--json", MAIL)
    assert len(ran.out) > 65_536, "the output must not fit into the pipe for this test to mean something"
    read, write = os.pipe()
    closer = threading.Thread(target=lambda: (os.read(read, 10), os.close(read)))
    closer.start()
    with Popen([COMMAND, "scan", "--no-network", "--json", MAIL], stdout=write, stderr=PIPE) as process:
        os.close(write)
        assert process.stderr is not None
        err = process.stderr.read()
    closer.join()
    assert (process.returncode, err) == (1, b"")


@pytest.mark.parametrize(
    "data", [b"", b"\n", bytes(range(256)) * 8, b"\x00" * 600 + b"ustar"], ids=["empty", "a line end", "binary", "tar"]
)
def test_a_named_file_is_judged_whatever_is_in_it(run: Run, tmp_path: Path, data: bytes) -> None:
    """A file that is given by itself gets a verdict, as the same bytes do on standard input; in a folder it is passed over or judged."""
    path = tmp_path / "odd"
    path.write_bytes(data)
    code, out, err = run("scan", "--json", "--no-network", path)
    assert (code, err) == (0, "")
    (verdict,) = verdicts(out)
    assert (verdict["file"], verdict["outcome"]) == (str(path), "accept")
    assert run("explain", "--no-network", path)[0] == 0


def test_mail_that_moves_or_breaks_meanwhile_stops_nothing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a Maildir in use a renamed message is judged, one that is gone is counted, one that cannot be read is named: exit 1, or 2 with no verdict."""
    box = tmp_path / "Maildir"
    for folder in ("cur", "new", "tmp"):
        (box / folder).mkdir(parents=True)
    for number in range(4):
        (box / "new" / f"{number}.host").write_bytes(b"From: a@b.example\n\nhello\n")

    def rearranged(paths: list[Path], **options: bool) -> list[Path]:
        found = list(files(paths, **options))
        (box / "new" / "0.host").rename(box / "cur" / "0.host:2,S")
        (box / "new" / "1.host").unlink()
        (box / "new" / "2.host").unlink()
        (box / "new" / "2.host").mkdir()
        return found

    with monkeypatch.context() as patch:
        patch.setattr("gatepost.service.cli.scan.files", rearranged)
        code, out, err = run("scan", "--json", "--no-network", box)
    assert code == 1
    assert len(verdicts(out)) == 2
    assert err.splitlines() == [
        f"gatepost scan: {box / 'new' / '2.host'}: cannot be read: Is a directory",
        "gatepost scan: left out, as they were gone before they were read: 1 files",
    ]
    with monkeypatch.context() as patch:
        patch.setattr("gatepost.service.cli.scan.files", lambda *_, **__: [box / "new" / "2.host"])
        code, out, err = run("scan", "--json", "--no-network", box)
    assert (code, out, err.count("\n")) == (2, "", 1)
