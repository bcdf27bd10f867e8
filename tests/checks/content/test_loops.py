"""The compiled loops give what plain Python would give, refuse what does not fit, and never read or write beside a buffer."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import sysconfig
from itertools import pairwise
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.checks.content import _loops, disguise
from gatepost.checks.content.looks import Letters
from gatepost.checks.content.markup import Build
from gatepost.checks.content.model import HEADS, RECORD, table_of
from gatepost.checks.content.words import _LETTER_BY_LETTER, LONGEST

_SOURCES = Path(_loops.__file__).parent / "loops"
_FUZZ = Path(__file__).with_name("fuzz_loops.py")
_WORD_LISTS = st.lists(st.sampled_from(["pills", "cheap", "#4", "#2", "ü", "не", "it's"]), max_size=60)
_WEIGHTS = st.lists(st.integers(-5, 5), max_size=50).map(lambda weights: np.array(weights, np.float64))
_STYLED = [
    *"<p <b> > style= STYLE=\" style=' color= data-color= bgcolor = BgColor=\"red\" style='a:b' color=#fff \" ' / = é & styles=a".split(
        " "
    ),
    " ",
    " ",
    "\n",
    "\r",
    " style = ",
    " color\t=\t",
]
_PAGES = st.lists(
    st.sampled_from(
        "<a <A> </a> <b\n </b> <br/> <bR> <p <P> </p> <script> <STYLE\n </title> <object/ <video <td </tr> <h1> <h7> <blockquote> <span> <apple> < </ <a\x1c <font\t <big <i/> /"
        " \" ' & style= STYLE= hidden \nhidden /HIDDEN= Color href <img <IMG <form <noscript é 世".split(" ")
    ),
    max_size=30,
).map("".join)


@given(words=_WORD_LISTS, first=st.integers(0, 9), room=st.integers(0, 200))
def test_tokens_are_the_distinct_words_and_pairs(words: list[str], first: int, room: int):
    """Words in reading order, then pairs, each once; numbers alone are none; what finds no room has no place."""
    wanted = [word for word in words if word[0] != "#"]
    wanted += [f"{one} {two}" for one, two in pairwise(words) if one[0] != "#" or two[0] != "#"]
    numbers = {token: number for number, token in enumerate(dict.fromkeys(wanted))}
    text = " ".join(words).encode()
    hashes, spans, places = _loops.number_tokens(text, first, room)
    tokens = [text[begin:end].decode() for begin, end in np.frombuffer(spans, np.uint32).reshape(-1, 2).tolist()]
    assert tokens == list(numbers)[:room]
    assert np.frombuffer(hashes, np.uint32).tolist() == [crc32(token.encode()) for token in tokens]

    def place(token: str) -> int:
        number = numbers.get(token, room)
        return first + number if number < room else -1

    rows = np.frombuffer(places, np.int32).reshape(2, -1).tolist()
    assert rows[0] == [place(word) for word in words]
    assert rows[1] == [place(f"{one} {two}") for one, two in pairwise(words)] + [-1] * bool(words)


@given(hashes=st.lists(st.integers(0, 2**32 - 1), max_size=20), seed=st.integers(0, 99))
def test_a_token_weighs_what_the_model_says_where_it_knows_it(hashes: list[int], seed: int):
    """The low bits choose the entry, the high ones must be its fingerprint; another token weighs nothing."""
    dice = np.random.default_rng(seed)
    heads = {head: dice.integers(-30_000, 30_000, 8, np.int16) for head in HEADS}
    table = table_of({"fingerprint": dice.integers(0, 3, 8, np.uint8), **heads})
    tokens = np.array(hashes, np.uint32)
    rows = np.frombuffer(_loops.look_up(tokens, table)).reshape(2, -1)
    inside = dice.integers(0, 2, len(hashes)).astype(np.bool_)
    for within in (np.ones(len(hashes), np.bool_), inside):
        met = (table["fingerprint"][tokens % 8] == tokens >> 24) & within
        weights = {head: np.where(met, heads[head][tokens % 8], 0).astype(np.int64) for head in HEADS}
        known, *sums, strong, shown = _loops.weigh(tokens, table, 5, within)
        assert [known, *sums] == [met.sum(), *(weights[head].sum() for head in HEADS)]
        assert strong == _loops.strongest(weights["unwanted"].astype(np.float64), 5)
        assert shown == weights["unwanted"][strong].tolist()
    assert _loops.weigh(tokens, table, -1)[:2] == (rows[0].sum(), rows[1].sum())
    assert _loops.weigh(tokens, table, -1)[4:] == ([], [])


@given(names=st.lists(st.binary(max_size=9), max_size=9), behind=st.lists(st.integers(0, 2**32 - 1), max_size=3))
def test_names_are_hashed_in_front_of_what_was_hashed(names: list[bytes], behind: list[int]):
    """Their CRC-32 one by one, then the hashes that are given."""
    found = _loops.hash_all(tuple(names), np.array(behind, np.uint32))
    assert np.frombuffer(found, np.uint32).tolist() == [*map(crc32, names), *behind]


@given(text=st.text(st.sampled_from("abAZ19éж世–_.*- \n,'?"), max_size=40))
def test_what_is_spelled_letter_by_letter_is_noticed(text: str):
    """Wherever the expression that joins such words would find one; in plain ASCII only there."""
    found = _LETTER_BY_LETTER.search(text) is not None
    assert _loops.spells(text.encode()) >= found
    if text.isascii():
        assert _loops.spells(text.encode()) == found


@given(
    words=st.lists(st.sampled_from(["paypal", "отписка", "pay", "me", "a" * 40, "退订", "#4"]), max_size=30),
    own=st.sets(st.sampled_from(["me", "paypal", "退订", "nobody"])),
)
def test_own_words_are_sifted_out(words: list[str], own: set[str]):
    """The others stay in their order, are counted, and those of the lexicon are told once each, in the order of the text."""
    lexicon = _loops.Lexicon("paypal отписка nobody 退订", "", "")
    kept = [word for word in words if word not in own]
    known = [word for word in dict.fromkeys(kept) if word in {"paypal", "отписка", "退订"}]
    assert lexicon.sift(" ".join(words).encode(), " ".join(own).encode()) == (" ".join(kept).encode(), len(kept), known)
    assert _loops.Lexicon("", "hello", "").sift(b"heiio hello", b"")[2] == ["hello"]  # not what it looks like


@given(weights=_WEIGHTS, most=st.integers(-1, 60))
def test_the_strongest_come_first(weights, most: int):
    """By size, of one size in order, and never a weight of nothing."""
    order = [at for at in np.argsort(-np.abs(weights), kind="stable").tolist() if weights[at]]
    assert _loops.strongest(weights, most) == order[: max(most, 0)]


@given(page=_PAGES)
def test_a_page_is_prepared_as_html_says(page: str):
    """Formatting elements become `span`, links `anchor`; what begins a line or a cell has a space before it; the rest stays.

    Elements that show nothing of what is in them are named.
    """
    names = "b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u"
    block = (
        "p|div|td|th|tr|br|li|ul|ol|dl|dt|dd|hr|table|center|blockquote|pre|img|option|form|input|button|title|h[1-6]"
    )
    unseen = "script|style|head|noscript|template|iframe|object|title|noembed|noframes|datalist|dialog|audio|video"
    wanted = re.sub(rf"(?i)<(/?)(?:{names})(?=[ \t\n\f\r/>])", r"<\1span", page)
    wanted = re.sub(r"(?i)<(/?)a(?=[ \t\n\f\r/>])", r"<\1anchor", wanted)
    wanted = re.sub(rf"(?i)<(?=/?(?:{block})[ \t\n\f\r/>])", " <", wanted)
    prepared, named = _loops.prepare_page(page.encode())
    assert prepared.decode() == wanted
    assert named == sorted({name.lower() for name in re.findall(rf"(?i)</?({unseen})[ \t\n\f\r/>]", page)})


@given(page=st.lists(st.sampled_from(_STYLED), max_size=12).map("".join))
def test_styles_are_listed_as_the_attributes_stand(page: str):
    """Every value that stands like one of the attribute, each once; character references and line ends leave it to the tree."""
    found: list[set[str]] = [set(), set(), set()]
    for at, name in enumerate(("style", "color", "bgcolor")):
        for match in re.finditer(rf"(?i)(?<=[ \t\n\f\r/\"'])(?={name}[ \t\n\f\r]*=[ \t\n\f\r]*(\"|'|))", page):
            rest = page[match.end() :].partition("=")[2].lstrip(" \t\n\f\r")
            value, ends, _ = rest[1:].partition(match[1]) if match[1] else (re.split(r"[ \t\n\f\r>]", rest)[0], ".", "")
            found[at].add(value if ends else "&")
    told = _loops.list_styles(page.encode())
    if any({"&", "\r"} & set(value) for values in found for value in values):
        assert told is None
    else:
        assert told == tuple(found)


def test_styles_without_end_are_left_to_the_tree():
    """A value of two thousand bytes and five thousand and one values are not gathered: memory and time stay bounded."""
    assert _loops.list_styles(b"<p style='" + b"a" * 1998 + b"'>") == ({"a" * 1998}, set(), set())
    assert _loops.list_styles(b"<p style='" + b"a" * 2000 + b"'>") is None
    assert _loops.list_styles(b"<p style=" + b"a" * 2000 + b">") is None
    assert _loops.list_styles(b"<p style=a>" * 5000) == ({"a"}, set(), set())
    assert _loops.list_styles(b"<p style=a>" * 5001) is None


@given(page=_PAGES)
def test_a_page_is_counted(page: str):
    """Each number is how often its mark stands in the page, in any mix of case."""
    lower = page.lower()
    build = Build(*_loops.survey_page(page.encode()))
    names = "tags slashes double_quotes single_quotes images forms cells fonts breaks styles links scriptless"
    marks = "< / \" ' <img <form <td <font <br style= href <noscript"
    for name, mark in zip(names.split(), marks.split(), strict=True):
        assert getattr(build, name) == lower.count(mark), name
    assert build.blanks == sum(map(page.count, " \n\t"))
    assert build.hiders == sum(map(lower.count, ("style", "hidden", "color")))
    assert build.concealed == len(re.findall(r"[ \t\n\f\r/\"']hidden(?=[ \t\n\f\r=>/])", lower))


@given(
    text=st.text(st.sampled_from("aB7!?$£€é世😀αжאعहกカあ한 \t\n\r\x1c\x85\xa0\u2003\u2028\u3000\u200b"), max_size=60)
)
def test_a_text_is_counted_as_python_counts(text: str):
    """Characters of each kind, words and distinct words, whatever the script and the white space."""
    found = Letters(*_loops.survey_text(text.encode()))
    assert found == Letters(
        characters=len(text),
        beyond_ascii=sum(letter > "\x7f" for letter in text),
        capitals=text.count("B"),
        digits=text.count("7"),
        exclaims=text.count("!"),
        asks=text.count("?"),
        money=sum(map(text.count, "$£€")),
        emoji=text.count("😀"),
        lines=text.count("\n"),
        solid=sum(letter not in " \t\n\r\v\f" for letter in text),
        words=len(text.split()),
        distinct=len(set(text.split())),
        greek=text.count("α"),
        cyrillic=text.count("ж"),
        hebrew=text.count("א"),
        arabic=text.count("ع"),
        indic=text.count("ह"),
        thai=text.count("ก"),
        kana=text.count("カ") + text.count("あ"),
        han=text.count("世"),
        hangul=text.count("한"),
    )


def test_what_does_not_fit_is_refused():
    """A length that another length contradicts is an error, not a read beside the buffer."""
    one, floats = np.zeros(1, np.uint32), np.zeros(4)
    for table in (np.zeros(0, RECORD), np.zeros(7, RECORD), np.zeros(9, np.uint8)):
        with pytest.raises(ValueError, match="not that of a model"):
            _loops.look_up(one, table)
        with pytest.raises(ValueError, match="not that of a model"):
            _loops.weigh(one, table, 1)
    with pytest.raises(ValueError, match="not so many"):
        _loops.weigh(one, np.zeros(8, RECORD), 1, np.ones(2, np.bool_))
    with pytest.raises(ValueError, match="not so many"):
        _loops.weigh(one, np.zeros(8, RECORD), 1, np.ones(0, np.bool_))
    with pytest.raises(TypeError):
        _loops.hash_all(("a",), one)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not those of these weights"):
        _loops.sum_stretches(np.full((2, 9), 4, np.int32), floats, 1, 2)
    with pytest.raises(ValueError, match="not those of these weights"):
        _loops.sum_stretches(np.zeros((2, 9), np.int32), floats, 0, 2)
    for last in (-1, 10):
        with pytest.raises(ValueError, match="so many tokens"):
            _loops.members_of(np.zeros((2, 9), np.int32), 4, 0, last)
    with pytest.raises(ValueError, match="32 bytes"):
        _loops.Lexicon("a" * 33, "", "")
    with pytest.raises(ValueError, match="too many words"):
        _loops.Lexicon("a " * 65_536, "", "")


def test_the_lists_of_words_fit():
    """Common and sold words are plain ASCII no longer than a word, so that a disguise can stand for each of them."""
    for word in [*disguise.common(), *disguise.SOLD.split()]:
        assert re.fullmatch(rf"[a-z]{{{disguise.SHORTEST},{LONGEST}}}", word)


def test_no_byte_beside_a_buffer_is_touched(tmp_path: Path):
    """Compiled with the address and undefined-behaviour sanitizers, the loops take thousands of odd inputs without a complaint."""
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC"))
    made = tmp_path / "_loops.abi3.so"
    flags = shlex.split(
        "-std=c11 -g -O1 -Werror -Wall -Wextra -Wconversion -Wshadow -fPIC -shared -fsanitize=address,undefined"
    )
    sources = sorted(map(str, _SOURCES.glob("*.c")))
    subprocess.run(
        [*compiler, *flags, f"-I{sysconfig.get_path('include')}", *sources, "-o", str(made)],
        check=True,
        capture_output=True,
    )
    libraries = [
        subprocess.run(
            [*compiler, f"-print-file-name={name}.so"], check=True, capture_output=True, text=True
        ).stdout.strip()
        for name in ("libasan", "libubsan")
    ]
    done = subprocess.run(
        [sys.executable, str(_FUZZ), str(made), "3000"],
        check=False,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "LD_PRELOAD": " ".join(libraries),
            "PYTHONMALLOC": "malloc",  # so that the sanitizer sees each block
            "ASAN_OPTIONS": "detect_leaks=0",  # Python leaves what it made at its end
            "UBSAN_OPTIONS": "halt_on_error=1",
        },
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout == "3000 rounds\n"
    assert not done.stderr
