"""Hidden text: taken out where a reader cannot see it, kept where one can, and never a freed element touched."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.checks.content import hiding
from gatepost.checks.content.markup import Allowance, read_page

_HIDDEN = [
    "<p style='display:none'>secret</p>",
    "<p style='DISPLAY : none !important'>secret</p>",
    "<p style='display&#58;none'>secret</p>",
    "<p style='position:absolute;left:-9999px'>secret</p>",
    "<p style='overflow:hidden;height:0'>secret</p>",
    "<p style='text-indent:-9999px'>secret</p>",
    "<p style='font-size:0'>secret</p>",
    "<p style='color:#fff'>secret</p>",
    "<p style='color:rgba(0,0,0,0)'>secret</p>",
    "<p style='color:transparent'>secret</p>",
    "<table><td><font color=white>secret</font></td></table>",
    "<table bgcolor='#000000'><td style='color:#010101'>secret</td></table>",
    "<style>.x{color:#ffffff}</style><p class=x>secret</p>",
    "<style>body{background:#f4f4f4}</style><p style='color:#f5f5f5'>secret</p>",
    "<style>.x, p.y{display:none}</style><p class=y>secret</p>",
    "<STYLE>.Hide{DISPLAY:NONE}</STYLE><p class=Hide>secret</p>",
    "<style>@media (max-width:9em){.x{color:red} .y{a:b}} .z{display:none}</style><p class=z>secret</p>",
    "<style>/* } .a{ */.z{display:none}</style><p class=z>secret</p>",
    "<div hidden><p style='display:none'>secret</p><p hidden>secret</p></div>",
    "<noscript>secret</noscript>",
    "<p/style=display:none>secret</p>",
    "<p class='a'STYLE =\n\"display:none\">secret</p>",
    "<p\fstyle=\r\n'display:\r\nnone'>secret</p>",
    "<p style=&#100isplay:none>secret</p>",
    "<p/HIDDEN/>secret</p>",
    "<p class=''hidden=no>secret</p>",
    "<p style='" + "a:b;" * 600 + "display:none'>secret</p>",
    "<hr style=a:b>" * 5_001 + "<p style=display:none>secret</p>",
    "<p style='display:block;display:none'>secret</p>",
    "<p style='display:none!important;display:block'>secret</p>",
    "<p style='display:none;display:shown'>secret</p>",
    "<p style='display:/* */none'>secret</p>",
    "<p style='d\\69splay:none'>secret</p>",
    "<p style='visibility:hidden'><b style='color:red'>secret</b></p>",
    "<p style='height:0;overflow:auto'>secret</p>",
    "<p style='transform:translateX(-9999px)'>secret</p>",
    "<p style='margin:0 0 0 -9999px'>secret</p>",
    "<p style='font-size:.1mm'>secret</p>",
    "<p style='font-size:14px;font:0/0 a'>secret</p>",
    "<p style='color:#fefefe01'>secret</p>",
    "<p style='color:#0000'>secret</p>",
    "<table bgcolor=ff0000><td><font color=FF0101>secret</font></td></table>",
    "<p style='color:hsl(0,0%,100%)'>secret</p>",
    "<p style='color:rgb(100% 100% 100%)'>secret</p>",
    "<p style='color:#000;color:azure'>secret</p>",
    "<div style='background:red'><font color=red>secret</font></div>",
    "<style>.a .b{display:none}</style><div class=a><p class=b>secret</p></div>",
    "<style>a.x{display:none}</style><a class=x>secret</a>",
    "<style>.a > b.b{display:none}</style><div class=a><b class=b>secret</b></div>",
    "<style>p[class=x]{display:none}</style><p class=x>secret</p>",
    "<style>@media screen{.x{display:none}}</style><p class=x>secret</p>",
    "<style>.x{display:none!important}p.x{display:block}</style><p class=x>secret</p>",
    "<style>.x{display:block}.x{display:none}</style><p class=x>secret</p>",
    "<style>.x{display:none!important}</style><p class=x style='display:block'>secret</p>",
    "<style>.x{opacity:0}.x{display:block}</style><p class=x>secret</p>",
    "<style>.x{visibility:hidden}</style><p class=x>secret</p>",
    "<p style='mso-hide:all'>secret</p>",
]
_SHOWN = [
    "<table bgcolor='#000000'><td><font color=white>secret</font></td></table>",
    "<table background='x.png'><td><font color=white>secret</font></td></table>",
    "<div style='background:linear-gradient(#000,#111)'><p style='color:#fff'>secret</p></div>",
    "<style>.btn{color:#fff;background:#00f}</style><a class=btn href=x>secret</a>",
    "<style>.x{color:#fff} td{background:#333}</style><table><td><p class=x>secret</p></td></table>",
    "<style>.f td{background:#333}</style><table class=f><td style='color:#fff'>secret</td></table>",
    "<style>@media (max-width:9em){.x{display:none}}</style><p class=x>secret</p>",
    "<style>.x{display:none}</style><p class=x style='display:block'>secret</p>",
    "<div style='font-size:0'><p style='font-size:14px'>secret</p></div>",
    "<p style='text-decoration:none;max-width:600px'>secret</p>",
    "<p style='display:none;display:block'>secret</p>",
    "<p style='display:none;display:table-cell!important;display:none'>secret</p>",
    "<p style='font-size:0;font-size:14px'>secret</p>",
    "<p style='font:0/0 a;font-size:14px'>secret</p>",
    "<p style='opacity:0;opacity:1'>secret</p>",
    "<p style='color:#fff;color:#000'>secret</p>",
    "<p style='display:nonesuch'>secret</p>",
    "<p style='--display:none;x-display:none'>secret</p>",
    "<p style='font-family:\";display:none;\"'>secret</p>",
    "<p style='background:url(x;display:none)'>secret</p>",
    "<div style='visibility:hidden'><p style='visibility:visible'>secret</p></div>",
    "<p hidden style='display:block'>secret</p>",
    "<html style='visibility:hidden'><p>secret</p>",
    "<font color=white><mark>secret</mark></font>",
    "<div style='font-size:0'><button>secret</button></div>",
    "<p style='color:#fff;text-shadow:0 0 1px #000'>secret</p>",
    "<p style='color:transparent;-webkit-text-fill-color:#000'>secret</p>",
    "<!-- <style>.x{display:none}</style> --><p class=x>secret</p>",
    "<!--[if mso]><style>.x{display:none}</style><![endif]--><p class=x>secret</p>",
    "<textarea><style>.x{display:none}</style></textarea><p class=x>secret</p>",
    "<style media=print>.x{display:none}</style><p class=x>secret</p>",
    "<style>.x{display:none}.x{display:block}</style><p class=x>secret</p>",
    "<style>#y{display:block}.x{display:none}</style><p class=x id=y>secret</p>",
    "<style>.x{display:none}div .x:not(.z){display:block}</style><div><p class=x>secret</p></div>",
    "<style>.x{opacity:0}.x{opacity:1}</style><p class=x>secret</p>",
    "<style>.a > .b{display:none}</style><div class=a><div><p class=b>secret</p></div></div>",
    "<style>.a .b{display:none}</style><div class=a></div><p class=b>secret</p>",
    "<div style='mso-hide:all'>secret " + "Great offers on watches. " * 20 + "</div>",
    "<div style='mso-hide:all'>" + "secret " * 20 + "</div><p hidden>" + "What nobody reads here. " * 20 + "</p>",
]


def _page(source: str) -> tuple[str, str]:
    """Give the visible and the hidden text of a page."""
    page = read_page(f"<p>shown</p>{source}", Allowance())
    return page.text, page.hidden


@pytest.mark.parametrize("source", _HIDDEN)
def test_what_nobody_sees_is_not_text(source: str):
    """Text without display, size, place or contrast is hidden text; what is around it stays."""
    text, hidden = _page(source)
    assert "shown" in text
    assert "secret" not in text
    assert "secret" in hidden


@pytest.mark.parametrize("source", _SHOWN)
def test_what_somebody_may_see_is_text(source: str):
    """Text on a dark, painted or unknown background is text, and so is what only some screens hide."""
    text, hidden = _page(source)
    assert "secret" in text
    assert "secret" not in hidden


@pytest.mark.parametrize("tag", ["html", "body", "html style='display:none'", "body style='font-size:0'"])
def test_a_page_that_hides_itself_is_read(tag: str):
    """The frame of a page is not taken out: mail programs put their own in its place."""
    assert "inside" in read_page(f"<{tag} hidden><p>inside</p>", Allowance()).text


_PIECES = st.sampled_from(
    [
        *_HIDDEN,
        *_SHOWN,
        *"<div hidden>|</div>|<p class='x y z'>|</p>|<table>|<tr>|<td hidden>|</table>|<b style='color:#fff'>|</b>|<svg>".split(
            "|"
        ),
        *"<math>|<template>|<select>|<option hidden>|<body hidden>|<html hidden>|<frameset hidden>|<a hidden href=x>".split(
            "|"
        ),
        "<style>.x,.y,p.z{display:none}#i{font-size:0}.w{color:#fff}td{background:#000}</style>",
        "<span class='w x' id=i hidden style='font-size:0;color:#fff'>",
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(_PIECES, max_size=3))
def test_the_cheap_look_at_the_source_overlooks_nothing(pieces: list[str]):
    """A page is read as if its tree had been asked, whatever the source seems to say."""
    source = "".join(pieces)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hiding, "list_styles", lambda source: None)  # noqa: ARG005
        asked = read_page(source, Allowance())
    assert read_page(source, Allowance()) == asked


@settings(max_examples=200, deadline=None)
@given(st.lists(_PIECES, max_size=30))
def test_nested_and_repeated_hiding_touches_no_freed_element(pieces: list[str]):
    """However elements that are hidden twice and thrice stand in one another, the page is read."""
    page = read_page("".join(pieces), Allowance())
    assert page.built or not page.hidden


@pytest.mark.parametrize(
    "source",
    [
        "<div>" * 4_500 + "<p style='color:#fff'>x</p>" * 4_000,
        "<div>" * 4_500 + "<p hidden>x</p>" * 2_600,
        "<style>" + "/*" * 200_000,
        "<style>" + "@a{b{}" * 60_000,
        "<style>" + "@" * 300_000,
        "<style>" + ".a,.b{background:red}" * 20_000,
        "<p style='" + "font:1px;" * 40_000 + "'>x",
        "<style>.a{font-size:0}.b{color:#fff}.c{display:none}</style>" * 20 + "<p class='a b'>x" * 9_000,
        "<style>" + ".c{display:none}" * 20 + "p.c{display:block}" * 500 + "</style>" + "<p class=c>x" * 3_000,
        "<style>" + ".d .c .d .c{display:none}" * 20 + "</style>" + "<div class=c>" * 3_500,
        "<style>" + ".c .c .c .c{display:none}" * 20 + "</style>" + "<div class=c>" * 3_500,
        "<style>.c{display:none}.d{display:block}</style>" + "".join(f"<p class=c style=a:{n}>x" for n in range(2_900)),
        "<div style='mso-hide:all'>" * 4_000 + "x" * 100_000,
        "<p style='" + "display:none;" * 30_000 + "'>x",
        "<p style='" + "color:#fff;" * 30_000 + "'>x",
        "<p style='" + "-100" * 100_000 + "'>x",
        "<style>.a{" + "\\" * 300_000,
    ],
)
def test_pages_built_to_cost_are_read_in_bounded_time(source: str):
    """Deep trees, endless sheets and thousands of coloured elements cost a fraction of a second of CPU time."""
    begin = time.process_time()
    read_page(source, Allowance())
    assert time.process_time() - begin < 1.0
