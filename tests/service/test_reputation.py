"""`gatepost reputation show|reset`, and what `gatepost learn` teaches about senders."""

from __future__ import annotations

import json
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

import pytest

from gatepost.mail.address import Address
from gatepost.mail.envelope import Client, Envelope
from gatepost.mail.message import from_bytes
from gatepost.service.assemble import pipeline
from gatepost.service.config import load
from gatepost.service.doors import Doors
from gatepost.service.places import site_key
from gatepost.testing import FakeDns, FakeScanner, MemoryState
from gatepost.verdict import AddHeader
from gatepost.world.clock import SystemClock
from gatepost.world.seen.named import named
from gatepost.world.state.door import Mark
from gatepost.world.state.sqlite import SqliteState
from support.model import write_model

Run = Callable[..., tuple[int, str, str]]
LETTER = (
    b"From: Shop <news@shop.example>\nSubject: Offer\nMessage-ID: <1@shop.example>\n\nBuy our wonderful garden furniture today "
    b"while the stock lasts, delivered to your very door next Tuesday, at half the price of what the others ask for it.\n"
    b"See http://www.garden.example/today\n"
)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a config with a small model and a state file of its own."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    (tmp_path / "state").mkdir()
    file = tmp_path / "gatepost.toml"
    file.write_text(
        f'[classifier]\nmodel = "{write_model(tmp_path / "model")}"\n[state]\nurl = "sqlite://{tmp_path}/s.db"\n'
        '[milter]\nauthserv_id = "mx.here.example"\n'
    )
    return file


def store(config: Path) -> SqliteState:
    """Open the site's store."""
    state = SqliteState(config.with_name("s.db"), SystemClock(), timeout=5.0)
    state.prepare()
    return state


def shown(run: Run, config: Path, *names: str) -> dict[str, dict]:
    """Give what is remembered, by capacity."""
    code, out, _ = run("reputation", "show", "--json", "--config", config, *names)
    assert code == 0
    return {each["as"]: each for each in map(json.loads, out.splitlines())}


def delivered(config: Path, key: bytes, *, ours: bool = True) -> bytes:
    """Give the letter as it lies in a mailbox after this site (or one with another key) judged it."""
    zone = {
        "shop.example": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]},
        "_dmarc.shop.example": {"TXT": ["v=DMARC1; p=none"]},
    }
    doors = Doors(SystemClock(), FakeDns(zone), MemoryState(SystemClock()), FakeScanner())
    site = pipeline(load(config), doors, key if ours else b"another key", live=False)
    envelope = Envelope(client=Client(ip=ip_address("192.0.2.1")), sender=Address("news", "shop.example"))
    verdict = site.judge(envelope, from_bytes(LETTER)).verdict
    added = [edit for edit in verdict.edits if isinstance(edit, AddHeader)]
    return "".join(f"{edit.name}: {edit.value}\n" for edit in added).encode() + LETTER


def test_what_is_remembered_is_shown_and_forgotten(run: Run, config: Path) -> None:
    """Counts, shares and standing of each capacity; after a reset it is unknown, and others are as they were."""
    store(config).remember(
        [
            Mark("domain:shop.example", wanted=9.0, unwanted=1.0),
            Mark("phish:domain:shop.example", unwanted=1.0),
            Mark("link:shop.example", unwanted=9.0),
            Mark("network:192.0.2.0/24", wanted=50.0),
        ]
    )
    found = shown(run, config, "news.shop.example", "ann@shop.example")
    assert list(found) == ["sender", "link"]
    sender = found["sender"]
    assert (sender["standing"], sender["wanted"], sender["spam"], sender["phish"]) == ("good", 9.0, 0.0, 1.0)
    assert (found["link"]["standing"], found["link"]["spam"]) == ("bad", 9.0)
    assert shown(run, config, "192.0.2.9")["network"]["standing"] == "neutral"
    assert run("reputation", "reset", "shop.example", "--config", config)[:2] == (
        0,
        "shop.example (sender): forgotten\nshop.example (link): forgotten\n",
    )
    assert {each["standing"] for each in shown(run, config, "shop.example").values()} == {"unknown"}
    assert shown(run, config, "192.0.2.0/24")["network"]["wanted"] == pytest.approx(50.0)


def test_people_read_a_table(run: Run, config: Path) -> None:
    """A row for each capacity, with what the mail was."""
    store(config).remember([Mark("helo:ylmf-pc", unwanted=4.0)])
    code, out, _ = run("reputation", "show", "helo:ylmf-pc", "a" * 64, "--config", config)
    assert code == 0
    assert next(line.split()[:4] for line in out.splitlines() if "helo" in line) == [
        "ylmf-pc",
        "helo",
        "bad",
        "0.0",
    ]


@pytest.mark.parametrize(
    ("text", "tallies"),
    [
        ("192.0.2.5/24", [("network", "192.0.2.0/24")]),
        ("2001:db8:1::/48", [("network", "2001:db8:1::/48")]),
        ("2001:db8:1:2::/64", [("address", "2001:db8:1:2::/64")]),
        ("192.0.2.5/32", [("address", "192.0.2.5"), ("network", "192.0.2.0/24")]),
    ],
)
def test_a_network_means_the_tally_of_that_network(text: str, tallies: list[tuple[str, str]]) -> None:
    """Networks of the sizes that are kept mean themselves, and an address also the one around it."""
    assert [(each.capacity, each.name) for each in named(text)] == tallies


@pytest.mark.parametrize(
    ("text", "name", "key"),
    [
        ("helo:FOO.", "foo", "helo:foo"),
        ("helo:mx.shop.example from 192.0.2.0/24", "mx.shop.example from 192.0.2.0/24", None),
        ("HELO:mx.shop.example from 192.0.2.9", "mx.shop.example from 192.0.2.0/24", None),
        ("helo:mx.shop.example from 2001:db8:1::5", "mx.shop.example from 2001:db8:1::/48", None),
    ],
)
def test_a_greeting_is_named_as_the_finding_names_it(text: str, name: str, key: str | None) -> None:
    """A name that was not proven lies under its network, and is shown and forgotten there."""
    network = name.partition(" from ")[2]
    expected = key or f"helo:mx.shop.example:{network}"
    assert [(each.capacity, each.name, each.key) for each in named(text)] == [("helo", name, expected)]


@pytest.mark.parametrize(
    "wide", ["10.0.0.0/8", "192.0.2.128/25", "2001:db8::/32", "2001:db8::/56", "::ffff:10.0.0.0/120"]
)
def test_a_network_of_another_size_is_refused(run: Run, config: Path, wide: str) -> None:
    """Neither a part of a tally nor many are forgotten in its name: exit 2, and the sizes that there are."""
    store(config).remember([Mark("network:10.0.0.0/24", unwanted=9.0)])
    code, out, err = run("reputation", "reset", wide, "--config", config)
    assert (code, out) == (2, "")
    assert "IPv4 /24, an IPv6 /64 or /48" in err
    assert shown(run, config, "10.0.0.0/24")["network"]["unwanted"] == pytest.approx(9.0)


@pytest.mark.parametrize("wrong", ["", "helo:", "a b", "@", "helo:x from 192.0.2.999"])
def test_a_name_that_means_nothing_is_wrong_usage(run: Run, config: Path, wrong: str) -> None:
    """One line and exit 2."""
    code, out, err = run("reputation", "show", wrong, "--config", config)
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_a_store_that_does_not_answer_is_said(run: Run, config: Path) -> None:
    """Exit 1, one line: what local memory knows is nothing of the site."""
    config.write_text('[state]\nurl = "redis://127.0.0.1:1/0"\n')
    for word in ("show", "reset"):
        code, out, err = run("reputation", word, "shop.example", "--config", config)
        assert (code, out) == (1, "")
        assert "gatepost reputation: the state store does not answer" in err.splitlines()[-1]


def test_a_label_teaches_about_the_proven_sender(run: Run, config: Path, tmp_path: Path) -> None:
    """A judged message: its author and its client count two messages each, once, and back again by --undo."""
    file = tmp_path / "letter.eml"
    file.write_bytes(delivered(config, site_key(tmp_path / "state")))
    for _ in range(2):
        assert run("learn", "phish", file, "--config", config)[0] == 0
    for name, capacity in (
        ("shop.example", "sender"),
        ("garden.example", "link"),
        ("192.0.2.1", "address"),
        ("192.0.2.1", "network"),
    ):
        known = shown(run, config, name)[capacity]
        assert (known["unwanted"], known["phish"]) == (2.0, 2.0)
    lesson = json.loads(run("learn", "--list", "--json", "--config", config)[1])["id"]
    assert run("learn", "ham", file, "--config", config)[0] == 0
    sender = shown(run, config, "shop.example")["sender"]
    assert (sender["wanted"], sender["unwanted"]) == (pytest.approx(2.0, abs=0.01), pytest.approx(0.0, abs=0.01))
    assert run("learn", "--undo", lesson, "--config", config)[0] == 0
    sender = shown(run, config, "shop.example")["sender"]
    assert (sender["wanted"], sender["unwanted"]) == (pytest.approx(0.0, abs=0.01), pytest.approx(0.0, abs=0.01))


@pytest.mark.parametrize(("undone", "left"), [(True, 0.0), (False, 2.0)])
def test_a_label_outlives_a_reset(run: Run, config: Path, tmp_path: Path, undone: bool, left: float) -> None:
    """Taking a label back that a reset has forgotten leaves nothing, not less; learned again it counts as for the first time."""
    file = tmp_path / "letter.eml"
    file.write_bytes(delivered(config, site_key(tmp_path / "state")))
    assert run("learn", "spam", file, "--config", config)[0] == 0
    lesson = json.loads(run("learn", "--list", "--json", "--config", config)[1])["id"]
    assert run("reputation", "reset", "shop.example", "--config", config)[0] == 0
    assert run("learn", *(("--undo", lesson) if undone else ("spam", file)), "--config", config)[0] == 0
    assert shown(run, config, "shop.example")["sender"]["unwanted"] == pytest.approx(left, abs=0.01)


def test_a_message_that_was_not_judged_here_teaches_nothing_of_senders(run: Run, config: Path, tmp_path: Path) -> None:
    """Neither a bare message nor one with a verdict that somebody else signed: anybody can write such headers."""
    site_key(tmp_path / "state")
    for data in (LETTER, delivered(config, b"", ours=False)):
        file = tmp_path / "letter.eml"
        file.write_bytes(data)
        assert run("learn", "spam", file, "--config", config)[0] == 0
        assert {each["unwanted"] for each in shown(run, config, "shop.example", "192.0.2.1").values()} == {0.0}
