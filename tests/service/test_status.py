"""`gatepost status`: what it says of a fresh, a busy, a drifted and a broken site."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gatepost.checks.content.population import BINS, WATCHED, Population, Side, population_data
from gatepost.service import vitals as vitals_module
from gatepost.world.clock import SystemClock
from gatepost.world.state.door import Hit, State
from gatepost.world.state.keys import key
from gatepost.world.state.redis_url import open_redis
from gatepost.world.state.sqlite import SqliteState
from support.clamd import Clamd
from support.daemon import gatepost
from support.dns_server import running_dns
from support.model import seal, write_model
from support.redis_server import RedisServer
from support.waiting import free_port

Run = Callable[..., tuple[int, str, str]]

DAY = 86_400
EVEN = (1 / BINS,) * BINS


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Give a running Redis for this module."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a site its own state directory."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    return tmp_path


def site(folder: Path, *, state: str = "", model: Path | None = None, shadow: Path | None = None) -> Path:
    """Write a config whose resolver answers nobody, and a model unless one is given."""
    model = model or write_model(folder / "mine")
    config = folder / "site.toml"
    tables = [f'[classifier]\nmodel = "{model}"', f'[state]\nurl = "{state}"', '[dns]\nservers = ["127.0.0.1:1"]']
    if shadow:
        tables[0] += f'\nshadow = "{shadow}"'
    config.write_text("\n".join(tables))
    return config


def learned(folder: Path, name: str = "mine", **changes: object) -> Path:
    """Write a model that keeps a reference: even scores and words, every fact in half of the mail."""
    model = write_model(folder / name)
    side = Side(5_000, EVEN, EVEN, 5_000, dict.fromkeys(WATCHED, 0.5))
    (model / "metrics.json").write_text(json.dumps({"reference": population_data(Population((side, side))), **changes}))
    seal(model)
    return model


def fill(state: State, model: str, *, scores: dict[int, int], facts: float = 0.5, window: int = 7 * DAY) -> None:
    """Count mail: so many messages by score bin, even in its known words, each fact in this share of it."""
    total = sum(scores.values())
    hits = [("messages", total), ("label:ham", total)]
    hits += [(f"score:{place:02d}", number) for place, number in scores.items()]
    for side, places in ((0, range(BINS)), (1, range(BINS, 2 * BINS))):
        messages = sum(number for place, number in scores.items() if place in places)
        hits += [(f"known:{side}:{place}", messages // BINS) for place in range(BINS)]
        hits += [(f"looked:{side}", messages)]
        hits += [(f"fact:{side}:{fact}", round(messages * facts)) for fact in WATCHED]
    state.hit([Hit(key("drift", model, name), window, number) for name, number in hits if number])


def sqlite(folder: Path) -> SqliteState:
    """Open the embedded store of a site."""
    (folder / "state").mkdir()
    state = SqliteState(folder / "state" / "state.sqlite", SystemClock(), timeout=5.0)
    state.prepare()
    return state


def answer(run: Run, config: Path, code: int = 0) -> dict:
    """Ask for the machine's form."""
    ended, out, err = run("status", "--json", "--config", config)
    assert (ended, err) == (code, "")
    return json.loads(out)


def test_a_fresh_site(run: Run, folder: Path):
    """Before any mail everything is said, nothing is judged, no state file is made, and that is no failure."""
    config = site(folder)
    told = answer(run, config)
    assert told["model"] == {"name": "mine", "age_months": None, "old": False, "text": "mine", "well": True}
    assert (told["messages"], told["classes"], told["shadow"], told["stale"]) == (
        {"day": 0, "week": 0},
        {},
        None,
        False,
    )
    assert told["drift"]["verdict"] == "unknown"
    assert "nothing stored yet" in told["state"]["text"]
    assert not told["resolver"]["well"]
    assert not (folder / "state").exists()
    code, out, err = run("status", "--config", config)
    assert (code, err) == (0, "")
    assert "the model has no reference of its training mail" in " ".join(out.split())
    assert {line.split()[0] for line in out.splitlines() if line[:1].strip()} >= {
        "config", "model", "mail", "classes", "drift", "shadow", "state", "resolver", "clamd",
    }  # fmt: skip


def test_mail_like_the_training_mail(run: Run, folder: Path):
    """Mail with the reference's scores, words and facts is ok, however little of it is spam."""
    state = sqlite(folder)
    fill(state, "mine", scores={**dict.fromkeys(range(10), 200), **dict.fromkeys(range(10, 20), 31)})
    state.close()
    told = answer(run, site(folder, model=learned(folder)))
    assert (told["drift"]["verdict"], told["drift"]["days"], told["drift"]["messages"]) == ("ok", 7, 2310)
    assert told["drift"]["against"] == "the mail it was trained on"
    assert told["messages"]["week"] == 2310
    assert told["classes"] == {"ham": 1.0}
    assert told["stale"] is False


def test_mail_that_moved_away(run: Run, folder: Path):
    """Scores that crowd in the middle make the model stale; the three facts that moved most are named for people too."""
    state = sqlite(folder)
    fill(state, "mine", scores={8: 900, 9: 1_100}, facts=0.1)
    state.close()
    config = site(folder, model=learned(folder))
    told = answer(run, config)
    assert (told["drift"]["verdict"], told["stale"]) == ("stale", True)
    assert len(told["drift"]["moved"]) == 3
    assert told["drift"]["moved"][0]["expected"] == 0.5
    code, out, _ = run("status", "--config", config)
    assert code == 0
    assert "stale: PSI" in out
    assert "50.0% before, 10.0% now" in out
    assert "scores in ham-like mail: 0.25 on average before, 0.45 now" in out


def test_a_quiet_site_is_judged_by_four_weeks(run: Run, folder: Path):
    """Where a week has too few messages, four weeks are looked at; with fewer still the count is said."""
    state = sqlite(folder)
    config = site(folder, model=learned(folder))
    for window in (7, 28):
        fill(state, "mine", scores=dict.fromkeys(range(10), 20), window=window * DAY)
    told = answer(run, config)
    assert (told["drift"]["verdict"], told["drift"]["why"]) == ("unknown", "too few messages: 200 of 300 of one side")
    fill(state, "mine", scores=dict.fromkeys(range(10), 20), window=28 * DAY)
    state.close()
    told = answer(run, config)
    assert (told["drift"]["verdict"], told["drift"]["days"], told["drift"]["messages"]) == ("ok", 28, 400)


def test_without_a_reference_the_beginning_is_the_measure(run: Run, folder: Path):
    """Today's mail is compared with the first messages here once there are enough of those, and the answer says so."""
    state = sqlite(folder)
    fill(state, "mine", scores=dict.fromkeys(range(10), 190), window=5 * 365 * DAY)
    fill(state, "mine", scores={0: 3_000})
    config = site(folder)
    assert answer(run, config)["drift"]["why"] == "too few messages: 1900 of the first 2000 are gathered"
    fill(state, "mine", scores=dict.fromkeys(range(10), 10), window=5 * 365 * DAY)
    state.close()
    told = answer(run, config)
    assert told["drift"]["verdict"] == "stale"
    assert told["drift"]["against"].startswith("the first 2,000 messages here")


def test_an_old_model_is_stale_whatever_its_mail(run: Run, folder: Path):
    """Past eighteen months the model is stale, and people are told why."""
    config = site(folder, model=write_model(folder / "base-202401"))
    told = answer(run, config)
    assert (told["model"]["old"], told["stale"]) == (True, True)
    _, out, _ = run("status", "--config", config)
    assert "past 18 months a model is stale" in out


def test_a_shadow_model_is_summed_up(run: Run, folder: Path):
    """Disagreements of seven days are given by pair of classes; a shadow that cannot be loaded is one line and exit 1."""
    state = sqlite(folder)
    pairs = {"ham>ham": 90, "ham>spam": 7, "spam>ham": 2, "phish>failed": 1}
    state.hit([Hit(key("shadow", "mine", "next", f"second:{pair}"), 7 * DAY, n) for pair, n in pairs.items()])
    state.close()
    config = site(folder, shadow=write_model(folder / "next"))
    assert answer(run, config)["shadow"] == {
        "model": "next",
        "messages": 100,
        "disagreements": {"ham>spam": 7, "spam>ham": 2, "phish>failed": 1},
    }
    assert "next: 10 of 100 messages of seven days called otherwise (ham>spam 7" in run("status", "--config", config)[1]
    (folder / "next" / "features.json").write_text("{")
    told = answer(run, config, code=1)
    assert "[classifier] shadow: model" in told["shadow"]["trouble"]


def test_a_store_that_takes_nothing_new(run: Run, folder: Path, server: RedisServer):
    """A Redis that is out of memory answers, and is not well: exit 1, and the line says which one and what it does not do."""
    server.command(b"CONFIG", b"SET", b"maxmemory", b"1")
    try:
        told = answer(run, site(folder, state=server.url), code=1)
    finally:
        server.command(b"CONFIG", b"SET", b"maxmemory", b"0")
    assert not told["state"]["well"]
    assert told["state"]["text"] == f"redis at 127.0.0.1:{server.port}/0 (takes nothing new)"


def test_a_store_that_is_away(run: Run, folder: Path):
    """A Redis that nobody serves is exit 1 and one line, and the rest is answered."""
    told = answer(run, site(folder, state=f"redis://:secret@127.0.0.1:{free_port()}/0"), code=1)
    assert not told["state"]["well"]
    assert "does not answer" in told["state"]["text"]
    assert "secret" not in json.dumps(told)
    assert (told["drift"]["verdict"], told["drift"]["why"]) == ("unknown", "the state store does not answer")
    assert told["messages"] is None
    assert told["model"]["well"]


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[RedisServer]:
    """Give a Redis that wants a password."""
    with RedisServer(tmp_path, protected_mode="no") as redis:
        redis.command(b"CONFIG", b"SET", b"requirepass", b"s3cret")
        yield redis


@pytest.mark.parametrize(
    ("account", "why"),
    [
        ("", "it wants a password, and state.url has none"),
        (":wr0ng@", "the user or the password in state.url is wrong"),
    ],
)
def test_a_store_that_lets_nobody_in(run: Run, folder: Path, guarded: RedisServer, account: str, why: str):
    """A missing or wrong password is told as such, in the status and by the daemon that starts with it."""
    url = f"redis://{account}127.0.0.1:{guarded.port}/0"
    told = answer(run, site(folder, state=url), code=1)
    line = f"memory (redis at 127.0.0.1:{guarded.port}/0 does not answer: {why})"
    assert told["state"] == {"text": line, "well": False}
    assert line in " ".join(run("status", "--config", site(folder, state=url))[1].split())
    with gatepost(f'[state]\nurl = "{url}"') as daemon:
        assert f"state       {line}" in daemon.log()


def test_a_store_that_is_no_store(run: Run, folder: Path):
    """A file of another program is refused in its line, exit 1."""
    path = folder / "other.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE t (x)")
    other.close()
    told = answer(run, site(folder, state=f"sqlite://{path}"), code=1)
    assert "another program's database" in told["state"]["text"]


def test_redis_is_read_alike(run: Run, folder: Path, server: RedisServer):
    """What workers counted in Redis is what status says, from any host."""
    state = open_redis(server.url, SystemClock(), timeout=5.0)
    fill(state, "mine", scores=dict.fromkeys(range(20), 50))
    state.close()
    told = answer(run, site(folder, state=server.url, model=learned(folder)))
    assert (told["drift"]["verdict"], told["messages"]["week"]) == ("ok", 1_000)
    assert told["state"]["text"].startswith("redis at 127.0.0.1:")


def test_a_model_that_cannot_be_used(run: Run, folder: Path):
    """A broken live model is exit 1 and one line; store, resolver and scanner are answered all the same."""
    model = write_model(folder / "mine")
    (model / "weights.npz").write_bytes(b"")
    told = answer(run, site(folder, model=model), code=1)
    assert not told["model"]["well"]
    assert "weights.npz does not match its checksum" in told["model"]["text"]
    assert told["drift"] is None
    assert told["state"]["well"]
    code, out, err = run("status", "--config", folder / "site.toml")
    assert (code, err) == (1, "")
    assert "weights.npz" in out


def test_a_malformed_reference_is_said(run: Run, folder: Path):
    """A reference that is none leaves the verdict unknown and says which file is wrong."""
    model = write_model(folder / "mine")
    (model / "metrics.json").write_text('{"reference": 7}')
    seal(model)
    told = answer(run, site(folder, model=model))
    assert told["drift"]["verdict"] == "unknown"
    assert "the reference in metrics.json is malformed" in told["drift"]["why"]


def test_what_is_asked_of_the_store_is_what_the_workers_count():
    """Every pair of classes that a shadow model can give is among those that status asks for."""
    classes = {"ham", "bulk", "spam", "phish"}
    assert set(vitals_module._PAIRS) == {f"{one}>{other}" for one in classes for other in classes | {"failed"}}


def test_dns_lists_that_refuse_are_named(run: Run, folder: Path):
    """Each list in use has its line: one answers, one refuses this resolver, one is not there; that is no exit 1."""
    zone = {"2.0.0.127.one.example": {"A": ["127.0.0.2"]}, "2.0.0.127.two.example": {"A": ["127.255.255.254"]}}
    config = site(folder)
    lists = "".join(
        f'\n[[dnslists.list]]\nzone = "{name}.example"\nkinds = ["address"]\ntest = "127.0.0.2"\n'
        for name in ("one", "two", "three")
    )
    with running_dns(zone) as dns:
        config.write_text(config.read_text().replace("127.0.0.1:1", dns.address) + lists)
        told = answer(run, config)["dnslists"]
        assert {name: each["well"] for name, each in told.items()} == {
            "one.example": True,
            "two.example": False,
            "three.example": False,
        }
        assert "this resolver may not ask" in told["two.example"]["text"]
        shown = run("status", "--config", config)[1]
        assert "two.example: answered 127.255.255.254" in " ".join(shown.split())


def test_a_wrong_config_is_wrong_usage(run: Run, folder: Path):
    """A config that cannot be read is exit 2 and one line, as for every command."""
    code, out, err = run("status", "--config", folder / "none.toml")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1


def test_resolver_and_scanner_are_asked(run: Run, folder: Path, tmp_path_factory: pytest.TempPathFactory):
    """A resolver and a clamd that answer are well; when they end both are said to be away, and that is no exit 1."""
    config = site(folder)
    text = config.read_text()
    with running_dns({"localhost": {"A": ["127.0.0.1"]}}) as dns, Clamd(tmp_path_factory.mktemp("clamd")) as clamd:
        there = text.replace("127.0.0.1:1", dns.address) + f'\n[virus]\nclamd = "tcp:127.0.0.1:{clamd.port}"\n'
        config.write_text(there)
        told = answer(run, config)
        assert (told["resolver"]["well"], told["clamd"]["well"]) == (True, True)
        assert "ClamAV" in told["clamd"]["text"]
    told = answer(run, config)
    assert (told["resolver"]["well"], told["clamd"]["well"]) == (False, False)
    assert "does not answer" in told["clamd"]["text"]
