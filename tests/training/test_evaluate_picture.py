"""The picture of an evaluation: a page that needs nothing else, is well-formed, and hides no number."""

from __future__ import annotations

import math
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.training.chart import HEIGHT, WIDTH, Axis, Chart
from gatepost.training.picture import PictureError, draw, page, require_drawable
from gatepost.training.report import Report, report
from gatepost.training.score import Side

LOGITS = st.lists(st.sampled_from([-math.inf, -60.0, -3.0, -0.5, 0.5, 4.0, 60.0]), min_size=1, max_size=30)
_MARK = math.log(0.7 / 0.3)
HOSTILE = "<script>alert(1)</script>&\"'\x1b[31m"


def side(logits: list[float]) -> Side:
    """Give scored mail by its log-odds; minus infinity has no opinion."""
    made = Side()
    for logit in logits:
        made.add((logit, math.nan if math.isinf(logit) else 1 / (1 + math.exp(-logit)), False))
    return made


def measured(ham: list[float], unwanted: list[float]) -> Report:
    """Measure two sources: one of both kinds with a hostile name, one of ham alone."""
    return report([HOSTILE, "lists"], [(side(ham), side(unwanted)), (side(ham), side([]))], _MARK)


def plots(html: str) -> list[ET.Element]:
    """Parse the three plots as XML, which forgives nothing."""
    return [ET.fromstring(svg) for svg in re.findall(r"<svg .*?</svg>", html, re.DOTALL)]


@settings(max_examples=60, deadline=None)
@given(LOGITS, LOGITS)
def test_every_mark_lies_inside(ham: list[float], unwanted: list[float]):
    """Whatever the scores, the plots are well-formed and nothing is drawn outside or at a place that is no number."""
    html = page(measured(ham, unwanted), "base", _MARK)
    found = plots(html)
    assert len(found) == 3
    assert not re.search(r"\b(nan|inf)\b", html)
    for path in (each for plot in found for each in plot.iter("path")):
        across = [float(x) for x in re.findall(r"[MH]([-\d.]+)", path.get("d", ""))]
        down = [float(y) for y in re.findall(r"V([-\d.]+)", path.get("d", ""))]
        assert all(0 <= x <= WIDTH for x in across)
        assert all(0 <= y <= HEIGHT for y in down)


def test_names_of_sources_are_text():
    """A path is outside text: it adds no element, and no control character."""
    html = page(measured([-1.0], [1.0]), "<b>", _MARK)
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "<b>" not in html
    assert "\x1b" not in html


def test_the_page_needs_nothing_else():
    """No script, no address of another file: it can be mailed and kept."""
    html = page(measured([-1.0], [1.0]), "base", _MARK)
    assert not re.search(r"(?i)\b(src|href|@import|url\()|https?:", html)
    assert html == page(measured([-1.0], [1.0]), "base", _MARK)


def test_the_numbers_are_there_too():
    """The table under the plots has the same words as the one on the terminal, one row per source and the total."""
    found = measured([-1.0, 2.0], [1.0])
    html = page(found, "base", _MARK)
    assert html.count("<tr>") == 4
    for cell in (*found.rows[0].words(), *found.total.words()):
        assert f"<td>{cell}</td>" in html


@pytest.mark.parametrize(
    ("name", "said"), [("x.png", "PNG"), ("x.svg", ".html"), ("x", ".html"), ("nowhere/x.html", "no such directory")]
)
def test_what_cannot_be_drawn_is_refused_first(name: str, said: str, tmp_path: Path):
    """A suffix that is not HTML, or a folder that is not there, is one line; for PNG it names HTML."""
    with pytest.raises(PictureError) as caught:
        require_drawable(tmp_path / name)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    if name == "x.png":
        assert ".html" in str(caught.value)


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path):
    """A directory in the place of the file is refused, and so is a write that fails."""
    (tmp_path / "x.html").mkdir()
    with pytest.raises(PictureError, match="is a directory"):
        require_drawable(tmp_path / "x.html")
    with pytest.raises(PictureError, match="cannot be written"):
        draw(tmp_path / "x.html", measured([-1.0], [1.0]), "base", _MARK)


def test_axes_put_values_where_they_belong():
    """Linear and logarithmic axes share out their range; what lies outside is put on the edge."""
    assert [Axis("", 0, 10, ()).share(value) for value in (-1, 0, 5, 10, 99)] == [0, 0, 0.5, 1, 1]
    decades = Axis("", 0.001, 10, (), log=True)
    assert [decades.share(value) for value in (0, 0.001, 0.1, 10, 99)] == pytest.approx([0, 0, 0.5, 1, 1])
    chart = Chart("x", Axis("", 0, 1, ()), Axis("", 0, 1, ()))
    assert chart.at(0, 0)[1] > chart.at(0, 1)[1]
    assert chart.at(0, 0)[0] < chart.at(1, 0)[0]
