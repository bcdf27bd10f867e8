"""The config: every mistake gives one line that names file, line, key, what is wrong and what is allowed."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.decision.policy import EXCUSES
from gatepost.decision.weights import WEIGHTS
from gatepost.service.codes import FAMILIES, known_codes
from gatepost.service.config import MAX_CONFIG_BYTES, MAX_PROBLEMS, Config, ConfigError, load
from gatepost.service.reference import reference, tables
from gatepost.service.toml_lines import line_of

# What stands in the file: where it is wrong, and pieces of the sentence.
WRONG = {
    "table": ("[treshold]\ntag = 5\n", ":1: [treshold]: unknown table", 'did you mean "thresholds"?'),
    "key": (
        "# c\n[thresholds]\nquarantin = 9\n",
        ":3: [thresholds] quarantin: unknown key",
        'did you mean "quarantine"?',
    ),
    "nothing like it": ("[dns]\nxyzzy = 1\n", ":2: [dns] xyzzy: unknown key; allowed: servers, timeout_seconds", ""),
    "above its table": ("tag = 5\n", ":1: [tag]: unknown table", "here [thresholds]"),
    "word for number": ('[milter]\n\nworkers = "two"\n', ':3: [milter] workers: "two"', "a whole number from 1 to 64"),
    "digits in quotes": ('[milter]\nworkers = "2"\n', ':2: [milter] workers: "2"', "a whole number from 1 to 64"),
    "fraction": ("[milter]\nworkers = 2.5\n", ":2: [milter] workers: 2.5", "a whole number"),
    "truth for number": ("[thresholds]\ntag = true\n", ":2: [thresholds] tag: true", "a number from 0.1 to 1000"),
    "number for truth": ("[milter]\nremove_stale_socket = 1\n", ":2: [milter] remove_stale_socket: 1", "true or false"),
    "number for text": ("[milter]\nlisten = 5\n", ":2: [milter] listen: 5", "text in quotes"),
    "text for list": ('[dns]\nservers = "192.0.2.1"\n', ":2: [dns] servers", "a list in square brackets"),
    "value for table": ("thresholds = 5\n", ":1: [thresholds]: 5", "must be a table"),
    "tables for table": ("[[milter]]\nworkers = 1\n", ":1: [milter]", "must be a table"),
    "too small": ("[milter]\nworkers = 0\n", ":2: [milter] workers: 0", "from 1 to 64"),
    "too large": ("milter.workers = 100\n", ":1: [milter] workers: 100", "from 1 to 64"),
    "not a number": ("[thresholds]\ntag = nan\n", ":2: [thresholds] tag: nan", "from 0.1 to 1000"),
    "form": ('[milter]\nauthserv_id = "a b"\n', ':2: [milter] authserv_id: "a b"', "must match"),
    "address": ('[milter]\nlisten = "tcp:1"\n', ':2: [milter] listen: "tcp:1"', "unix:/PATH"),
    "address of other milters": (
        '[milter]\nlisten = "inet:8890@127.0.0.1"\n',
        ':2: [milter] listen: "inet:8890@127.0.0.1": the host stands before the port here',
        "write inet:127.0.0.1:8890 ",
    ),
    "address of other milters, IPv6": (
        '[milter]\nlisten = "inet6:8890@::1"\n',
        ":2: [milter] listen",
        "inet:[::1]:8890 ",
    ),
    "what must be given": (
        '[[rates.inbound]]\nper = "client"\n',
        ":1: [rates] inbound.limit: must be given",
        "How many in the window",
    ),
    "table that only tables within it show": (
        '[milter]\n[[dnslists.list]]\nzone = "x.example"\nlike = "nosuch"\n',
        ":2: [dnslists]: 'nosuch' is not a built-in list",
        "spamhaus-zen",
    ),
    "network": ('[reputation]\nexempt_networks = ["x"]\n', ":2: [reputation] exempt_networks", "192.0.2.0/24"),
    "host bits": ('[milter]\nown_networks = ["10.0.0.1/8"]\n', ":2: [milter] own_networks", "host bits set"),
    "choice": ('[milter]\non_error = "drop"\n', ':2: [milter] on_error: "drop"', "'tempfail', 'accept' or 'reject'"),
    "action": (
        '[actions.inbound]\n"virus.infected" = "discard"\n',
        ":2: [actions] inbound.virus.infected",
        "'accept', 'quarantine', 'defer' or 'reject'",
    ),
    "code of an action": (
        '[actions.outbound]\n"virus.infectd" = "reject"\n',
        ":2: [actions] outbound.virus.infectd: not an evidence code",
        'did you mean "virus.infected"?',
    ),
    "code of a weight": (
        '[weights]\n"spf.fail" = 2\n"dmarc.fial" = 2\n',
        ":3: [weights] dmarc.fial: not an evidence code",
        'did you mean "dmarc.fail"?',
    ),
    "no such code": ('[weights]\n"zzz" = 2\n', ":2: [weights] zzz", "`gatepost config reference` lists them"),
    "code without quotes": (
        "[weights]\nspf.fail = 2\n",
        ":2: [weights] spf.fail: write the code in quotes",
        '"spf.fail"',
    ),
    "weight": ('[weights]\n"spf.fail" = 1001\n', ":2: [weights] spf.fail: 1001", "at most 1000"),
    "weight without end": ('[weights]\n"spf.fail" = inf\n', ":2: [weights] spf.fail: inf", "at most 1000"),
    "order": (
        "[thresholds]\ntag = 12\nquarantine = 10\n",
        ":1: [thresholds]: tag = 12, quarantine = 10, reject = 15",
        "must ascend",
    ),
    "band": ("[classifier]\nspam_from = 0.4\n", ":2: [classifier] spam_from: 0.4", "from 0.5 to 1"),
    "code of an excuse": (
        '[excuses]\n"dmarc.reject" = ["arc.trusted", "forward.lst"]\n',
        ':2: [excuses] dmarc.reject: "forward.lst" is not an evidence code',
        'did you mean "forward.list"?',
    ),
    "excused code": (
        '[excuses]\n"dmarc.rejct" = []\n',
        ":2: [excuses] dmarc.rejct: not an evidence",
        '"dmarc.reject"?',
    ),
    "excused code without quotes": (
        '[excuses]\ndmarc.fail = ["arc.trusted"]\n',
        ":2: [excuses] dmarc.fail: write the code in quotes",
        '"dmarc.fail"',
    ),
    "excuse without list": (
        '[excuses]\n"spf.fail" = "arc.trusted"\n',
        ":2: [excuses] spf.fail",
        "a list in square brackets",
    ),
    "forwarder": ('[auth]\nforwarders = ["10.0.0.0/33"]\n', ":2: [auth] forwarders", "neither a network"),
    "key of the second table": (
        '[[auth.overrides]]\ndomain = "a.example"\nskip = ["spf"]\n\n[[auth.overrides]]\ndomain = "b.example"\nskp = []\n',
        ":7: [auth] overrides.skp: unknown key",
        'did you mean "skip"? allowed: domain, network, skip, dmarc_policy',
    ),
    "value in the second table": (
        '[[auth.overrides]]\nnetwork = "192.0.2.0/24"\nskip = ["spf"]\n[[auth.overrides]]\nnetwork = "x"\nskip = ["spf"]\n',
        ":5: [auth] overrides.network",
        "192.0.2.0/24",
    ),
    "override for nobody": (
        '[[auth.overrides]]\nskip = ["spf"]\n',
        ":1: [auth] overrides",
        "needs a domain or a network",
    ),
    "override of nothing": (
        '[[auth.overrides]]\ndomain = "a.example"\n',
        ":1: [auth] overrides",
        "needs skip or dmarc_policy",
    ),
    "override's policy": (
        '[[auth.overrides]]\ndomain = "a.example"\ndmarc_policy = "no"\n',
        ":3: [auth] overrides.dmarc_policy",
        "'published', 'none', 'quarantine' or 'reject'",
    ),
    "no TOML": ("# c\n[thresholds\ntag = 1\n", ":2: not valid TOML", "(column 12)"),
    "twice": ("[milter]\nworkers = 1\nworkers = 2\n", ":3: not valid TOML", "overwrite"),
    "deep": ("a = " + "[" * 5000, ": not valid TOML: nested too deeply", ""),
    "control characters": ('[milter]\n"wor\\u001b[31m" = 1\n', "[milter] wor\\x1b[31m: unknown key", ""),
}


def problems(text: str, tmp_path: Path) -> list[str]:
    """Give the lines that a config text is answered with."""
    path = tmp_path / "site.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    return caught.value.problems


def answer(path: Path | None, overrides: Mapping[str, object] | None = None) -> list[str]:
    """Load a config and give the lines it is answered with: none where it is good."""
    try:
        load(path, overrides)
    except ConfigError as error:
        return error.problems
    return []


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_gives_one_helpful_line(name: str, tmp_path: Path) -> None:
    """One mistake gives one line: the file, the line, the key, what was given, what is allowed; nothing unprintable."""
    text, where, allowed = WRONG[name]
    (line,) = problems(text, tmp_path)
    assert line.startswith(f"{tmp_path / 'site.toml'}:")
    assert where in line
    assert allowed in line
    assert line.isprintable()


def test_every_mistake_is_named_at_once(tmp_path: Path) -> None:
    """Three mistakes in one file are three lines, in one go."""
    found = problems('[milter]\nworkers = 0\nlisen = "x"\n[weights]\n"spf.fial" = 1\n', tmp_path)
    assert [line.split(": ")[1] for line in found] == ["[milter] workers", "[milter] lisen", "[weights] spf.fial"]


def test_a_file_full_of_mistakes_is_answered_in_short(tmp_path: Path) -> None:
    """A wrong file of any size gives a readable number of lines."""
    entries = "".join(f"k{number} = {number}\n" for number in range(2000))
    assert len(problems("[milter]\n" + entries, tmp_path)) == MAX_PROBLEMS


def test_secrets_are_not_repeated(tmp_path: Path) -> None:
    """Neither a key nor the password of a URL stands in the answer to a mistake."""
    text = '[headers]\nsigning_key = ["hush"]\n[state]\nurl = "mysql://user:hush@host/0?password=hush"\n'
    found = problems(text, tmp_path)
    assert len(found) == 2
    assert "hush" not in "".join(found)


@pytest.mark.parametrize(
    "url", ["redis:/:hush@192.0.2.9", "redis:hush@192.0.2.9", ":hush@192.0.2.9", "u:hush@x@h:6379/0"]
)
def test_a_malformed_url_is_not_repeated_with_its_password(tmp_path: Path, url: str) -> None:
    """What was meant to be a URL with a password is a mistake that keeps it: the line ends in the journal at a reload."""
    (found,) = problems(f'[state]\nurl = "{url}"\n', tmp_path)
    assert "must start with redis://" in found
    assert "hush" not in found


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file, a directory, a file of other bytes and an endless one each give one line and no traceback."""
    (tmp_path / "latin").write_bytes(b'[milter]\n# gr\xfc\xdfe\nlisten = "inet:1"\n')
    (tmp_path / "huge").write_bytes(b"#" * (MAX_CONFIG_BYTES + 1))
    answers = {
        tmp_path / "missing": "cannot be read: No such file or directory",
        tmp_path: "cannot be read: Is a directory",
        tmp_path / "latin": ":2: not UTF-8 text",
        tmp_path / "huge": f"larger than {MAX_CONFIG_BYTES} bytes",
        Path("/dev/zero"): f"larger than {MAX_CONFIG_BYTES} bytes",
    }
    for path, answer in answers.items():
        with pytest.raises(ConfigError) as caught:
            load(path)
        (line,) = caught.value.problems
        assert line.startswith(str(path))
        assert answer in line


def test_a_file_without_permission(tmp_path: Path) -> None:
    """A file that may not be read says so; root may read everything, so it is asked of a child that is not root."""
    path = tmp_path / "secret.toml"
    path.write_text("")
    path.chmod(0)
    if os.geteuid():
        with pytest.raises(ConfigError, match="Permission denied"):
            load(path)
        return
    tmp_path.chmod(0o755)
    child = os.fork()
    if not child:
        os.seteuid(65534)
        try:
            load(path)
        except ConfigError as error:
            os._exit(0 if "cannot be read: Permission denied" in str(error) else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_defaults_need_no_file() -> None:
    """Without a file every setting has its default, and the version is that of the defaults."""
    loaded = load(None)
    assert loaded.config == Config()
    assert loaded.version == load(None).version
    assert loaded.origin("thresholds", "tag") == "default"


def test_the_command_line_has_the_last_word(tmp_path: Path) -> None:
    """A setting of the command line replaces the file's, says so, and its mistakes name the command line."""
    path = tmp_path / "site.toml"
    path.write_text("[milter]\nworkers = 3\n\n[thresholds]\nreject = 20\n")
    loaded = load(path, {"milter.workers": 2})
    assert loaded.config.milter.workers == 2
    assert loaded.origin("milter", "workers") == "command line"
    assert loaded.origin("thresholds", "reject") == f"{path}:5"
    assert loaded.origin("thresholds", "tag") == "default"
    with pytest.raises(ConfigError, match=r"^command line: \[milter\] workers: 99: must lie from 1 to 64"):
        load(path, {"milter.workers": 99})


def test_own_entries_are_laid_over_the_built_in_ones(tmp_path: Path) -> None:
    """Naming one weight and one action leaves the other ones as they are."""
    path = tmp_path / "site.toml"
    path.write_text('[weights]\n"spf.fail" = 9\n[actions.inbound]\n"dmarc.reject" = "reject"\n')
    config = load(path).config
    assert config.effective_weights() == {**WEIGHTS, "spf.fail": 9}
    assert config.actions.inbound["dmarc.reject"] == "reject"
    assert config.actions.inbound["virus.infected"] == "reject"
    assert config.actions.outbound == Config().actions.outbound


def test_a_config_is_frozen() -> None:
    """Nothing can be changed in a config that is in force."""
    config = load(None).config
    with pytest.raises(ValueError, match="frozen"):
        config.thresholds.tag = 1.0


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_file_is_a_config_or_an_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """Whatever the file holds, it is used or answered with printable lines; nothing else is raised."""
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(data)
    lines = answer(path)
    assert all(line.isprintable() and line for line in lines)


_values = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.lists(st.text(max_size=3), max_size=2)
)


@given(table=st.sampled_from(sorted(Config.model_fields)), data=st.data())
def test_any_value_of_any_setting_is_used_or_answered(
    tmp_path_factory: pytest.TempPathFactory, table: str, data: st.DataObject
) -> None:
    """A setting with any value of TOML's types is taken or refused by name, never with a traceback."""
    settings = {name: model for name, _, model in tables()}[table]
    key = data.draw(st.sampled_from(sorted(settings.model_fields)) if settings else st.sampled_from(sorted(WEIGHTS)))
    value = data.draw(_values)
    lines = answer(None, {f"{table}.{key}": value})
    assert all(line.startswith((f"command line: [{table}]", "config: ")) for line in lines)


def test_every_weight_and_action_has_a_known_code() -> None:
    """The built-in weights, actions and excuses name only codes that some check emits."""
    config = load(None).config
    assert {*EXCUSES, *(each for excuses in EXCUSES.values() for each in excuses)} <= set(known_codes())
    assert set(WEIGHTS) <= set(known_codes())
    assert {*config.actions.inbound, *config.actions.outbound} <= set(known_codes())


def test_every_code_has_a_meaning_in_one_line() -> None:
    """A code is `check.word`, and its meaning is a sentence on one line."""
    for code, meaning in known_codes().items():
        check, dot, word = code.partition(".")
        assert check.isidentifier()
        assert dot
        assert word
        assert meaning[0].isupper()
        assert len(meaning.split()) > 3
        assert meaning.isprintable()
    assert all(FAMILIES.values())


def test_the_committed_reference_is_the_generated_one() -> None:
    """docs/config.md is what `gatepost config reference` prints; `make docs` writes it anew."""
    page = Path(__file__).resolve().parents[2] / "docs" / "config.md"
    assert page.read_text() == reference(), "docs/config.md is stale: run `make docs`"


def test_the_reference_has_every_setting_and_every_code() -> None:
    """Each table, setting and code stands in the reference with a sentence; nothing of this machine stands in it."""
    text = reference()
    for name, sentence, settings in tables():
        assert f"## [{name}]" in text
        assert sentence
        for key, info in settings.model_fields.items() if settings else ():
            assert f"\n| `{key}` | " in text
            assert (info.description or "").endswith("."), f"[{name}] {key} has no sentence"
    for code in known_codes():
        assert f"\n| `{code}` | " in text
    assert os.uname().nodename not in text


@pytest.mark.parametrize(
    ("text", "keys", "line"),
    [
        ("[a]\nb = 1\n", ["a", "b"], 2),
        ("[a]\nc = 1\n", ["a", "b"], 1),
        ("a.b = 1\n", ["a", "b"], 1),
        ('["a"]\n"x.y" = 1\n', ["a", "x.y"], 2),
        ("[ a . b ] # c\n\nc=1", ["a", "b", "c"], 3),
        ("[a]\n# b = 1\nb = 2\n", ["a", "b"], 3),
        ('[a]\nx = "\u2028"\nb = 2\n', ["a", "b"], 3),
        ("[z]\n", ["a", "b"], None),
        ("[z]\n[[a.c]]\n[a.d]\n", ["a"], 2),
        ("", [], None),
    ],
)
def test_lines_of_keys(text: str, keys: list[str], line: int | None) -> None:
    """A key is found where it stands, or the nearest table around it; comments and other tables do not count."""
    assert line_of(text, keys) == line


def test_one_mistake_is_one_line(tmp_path: Path) -> None:
    """What a wrong outcome for `virus.error` would mean for other codes, which the site does not name, is not told as well."""
    path = tmp_path / "site.toml"
    path.write_text('[actions.outbound]\n"virus.error" = "discard"\n')
    with pytest.raises(ConfigError) as caught:
        load(path)
    (line,) = caught.value.problems
    assert line.startswith(f'{path}:2: [actions] outbound.virus.error: "discard"')


def test_a_long_value_is_refused_as_fast_as_a_short_one(tmp_path: Path) -> None:
    """A complaint about a long text takes no more than reading it once."""
    path = tmp_path / "site.toml"
    path.write_text(f'[milter]\non_error = "{"y" * 100_000}"\n')
    begin = time.process_time()
    with pytest.raises(ConfigError, match="must be one of"):
        load(path)
    assert time.process_time() - begin < 5


def test_a_mark_before_the_text_is_none_of_it(tmp_path: Path) -> None:
    """A file saved by an editor that begins UTF-8 with a byte order mark is read."""
    path = tmp_path / "site.toml"
    path.write_bytes(b"\xef\xbb\xbf[milter]\nworkers = 3\n")
    assert load(path).config.milter.workers == 3
