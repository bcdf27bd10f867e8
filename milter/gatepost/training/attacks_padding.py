"""Attacks by addition: the message stays as it is, and words of wanted mail are put beside it.

A filter that adds up words can be talked round with good ones (Lowd and Meek, "Good Word Attacks on Statistical Spam
Filters", CEAS 2005). In view they cost the sender credibility, so they are usually hidden, or stand so far down that
nobody scrolls there.

Good words are given in the order in which wanted mail has them: a salad draws single ones, a paragraph takes a run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Final

from gatepost.training.attacks_draft import Draft
from gatepost.training.attacks_page import in_head, inside, text_as_markup

Addition = Callable[[Draft, Random, Sequence[str]], Draft]
"""Takes a draft and good words, gives the draft with some of them."""

SALAD_WORDS: Final = 150
PARAGRAPH_WORDS: Final = 150
PADDING_CHARACTERS: Final = 100_000
_LINE_WORDS: Final = 12
_PAGES: Final = ("view", "why", "unsubscribe", "privacy", "about")
_SENTENCE_WORDS: Final = 11


def paragraph(rng: Random, good_words: Sequence[str], words: int = PARAGRAPH_WORDS) -> str:
    """Give a run of good words as lines of sentences; from the beginning again where there are too few."""
    start = rng.randrange(len(good_words))
    run = [good_words[(start + number) % len(good_words)] for number in range(words)]
    return _lines(
        [f"{word}." if number % _SENTENCE_WORDS == _SENTENCE_WORDS - 1 else word for number, word in enumerate(run)]
    )


def _lines(words: Sequence[str]) -> str:
    return "\n".join(" ".join(words[start : start + _LINE_WORDS]) for start in range(0, len(words), _LINE_WORDS))


def salad(draft: Draft, rng: Random, good_words: Sequence[str]) -> Draft:
    """Add single good words, in no order, in view below the text."""
    return draft.below(_lines([rng.choice(good_words) for _ in range(SALAD_WORDS)]))


def passage(draft: Draft, rng: Random, good_words: Sequence[str]) -> Draft:
    """Add a paragraph of wanted mail, in view below the text."""
    return draft.below(paragraph(rng, good_words))


def quoted(draft: Draft, rng: Random, good_words: Sequence[str]) -> Draft:
    """Add an invented conversation below, as a reply quotes it, and make the subject a reply."""
    lines: list[str] = []
    for depth in (1, 2):
        mark = "> " * depth
        name = rng.choice(("Anna", "Piet", "Marie", "Tom"))
        lines.append(f"{mark[2:]}On Mon, {rng.randrange(1, 29)} Jun 2026 at 10:{rng.randrange(10, 60)}, {name} wrote:")
        lines += [mark + line for line in paragraph(rng, good_words, PARAGRAPH_WORDS // 2).split("\n")]
    return replace(draft.below("\n".join(lines)), subject=f"Re: {draft.subject}")


_FURNITURE: Final = (
    ("Having trouble reading this e-mail? View it in your browser:", "See the web version of this newsletter:"),
    (
        "You receive this newsletter because you subscribed at our shop.",
        "This mail was sent to you as a valued customer.",
    ),
    ("To unsubscribe from this list, click here:", "Unsubscribe, or change your preferences:"),
    ("Privacy policy and terms and conditions:", "Read our privacy policy:"),
    (
        "Copyright 2026 Garden Post Ltd. All rights reserved. P.O. Box 4471, Leeds LS1 4AP",
        "Our postal address: Meadow News Inc., P.O. Box 918, Salem, OR 97301",
    ),
)


def framed(draft: Draft, rng: Random, good_words: Sequence[str]) -> Draft:  # noqa: ARG001
    """Add the furniture of a newsletter below: a way out, legal lines, a postal address, links to match."""
    host = f"https://news{rng.randrange(1000)}.example.com"
    said = [rng.choice(lines) for lines in _FURNITURE]
    return draft.below("\n".join(f"{line} {host}/{name}" for line, name in zip(said, _PAGES, strict=True)))


def padded(draft: Draft, rng: Random, good_words: Sequence[str]) -> Draft:
    """Put PADDING_CHARACTERS of wanted mail before the text, in view."""
    blocks: list[str] = []
    left = PADDING_CHARACTERS
    while left > 0:
        blocks.append(paragraph(rng, good_words, 400))
        left -= len(blocks[-1]) + 2
    text = "\n\n".join(blocks)
    return replace(
        draft,
        plain=None if draft.plain is None and draft.html is not None else f"{text}\n\n{draft.plain or ''}",
        html=None if draft.html is None else inside(draft.html, f"<div>{text_as_markup(text)}</div>", at_end=False),
    )


def harmless_twin(draft: Draft, rng: Random, good_words: Sequence[str]) -> Draft:
    """Show the text as a page only, and give clients without HTML a paragraph of wanted mail instead."""
    return replace(draft, plain=paragraph(rng, good_words), html=draft.page(), twins=True)


_STYLES: Final[Mapping[str, Sequence[str]]] = {
    "display": ("display:none", "DISPLAY : none !important;", "color:#333; display:none"),
    "visibility": ("visibility:hidden", "visibility:collapse"),
    "font-size": ("font-size:0", "font-size:0px;line-height:0", "font:0/0 a"),
    "colour": (
        "color:#ffffff;background-color:#ffffff",
        "color:white;background:#fff",
        "background:rgb(255,255,255);color:#fefefe",
        "color:transparent",
    ),
    "off-screen": (
        "position:absolute;left:-9999px",
        "position:absolute;top:-5000px;",
        "text-indent:-9999px",
        "margin-left:-9999px",
    ),
    "height": (
        "height:0;overflow:hidden",
        "max-height:0px;overflow:hidden",
        "width:0;height:0;overflow:hidden;display:block",
        "line-height:0;height:0px;overflow:hidden",
    ),
    "opacity": ("opacity:0", "opacity:0.0", "opacity:.01", "filter:alpha(opacity=0);opacity:0"),
    "tiny-font": ("font-size:1px", "font-size:1px;line-height:1px", "font-size:0.1em", "font-size:1pt;color:#eeeeee"),
    "mso": ("mso-hide:all", "mso-hide:all;display:none"),
}
_WRAPPED: Final[Mapping[str, str]] = {
    "attribute": "<div hidden>{}</div>",
    "comment": "<!-- {} -->",
    "noscript": "<noscript>{}</noscript>",
    "font-tag": '<table bgcolor="#ffffff"><tr><td><font color="#ffffff">{}</font></td></tr></table>',
    "template": "<template>{}</template>",
    "input": '<input type="hidden" name="t" value="{}">',
    "attribute-value": '<img width="1" height="1" alt="" title="{}" src="cid:none">',
}
_IN_HEAD: Final[Mapping[str, str]] = {
    "title": "<title>{}</title>",
    "style": "<style>/* {} */</style>",
    "meta": '<meta name="description" content="{}">',
}


def _styled(style: Sequence[str]) -> Addition:
    def add(draft: Draft, rng: Random, good_words: Sequence[str]) -> Draft:
        box = rng.choice(("div", "span", "p", "td"))
        text = text_as_markup(paragraph(rng, good_words))
        markup = f'<{box} style="{rng.choice(style)}">{text}</{box}>'
        if box == "td":
            markup = f"<table><tr>{markup}</tr></table>"
        return _on_page(draft, inside(draft.page(), markup, at_end=rng.random() < 0.5))

    return add


def _wrapped(form: str) -> Addition:
    def add(draft: Draft, rng: Random, good_words: Sequence[str]) -> Draft:
        return _on_page(draft, inside(draft.page(), form.format(paragraph(rng, good_words)), at_end=False))

    return add


def _in_head(form: str) -> Addition:
    def add(draft: Draft, rng: Random, good_words: Sequence[str]) -> Draft:
        return _on_page(draft, in_head(draft.page(), form.format(paragraph(rng, good_words))))

    return add


def _by_sheet(draft: Draft, rng: Random, good_words: Sequence[str]) -> Draft:
    """Hide by a rule of a style sheet instead of an inline style."""
    name = "".join(rng.choice("abcdefgh") for _ in range(6))
    rule = rng.choice(("display:none", "font-size:0", "max-height:0;overflow:hidden", "visibility:hidden"))
    page = in_head(draft.page(), f"<style>.{name} {{ {rule} }}</style>")
    text = f'<div class="{name}">{text_as_markup(paragraph(rng, good_words))}</div>'
    return _on_page(draft, inside(page, text, at_end=False))


def _on_page(draft: Draft, page: str) -> Draft:
    """Give the draft as a page alone: a text that says the same would show what the page hides."""
    return replace(draft, plain=None if draft.html is None else draft.plain, html=page)


HIDING: Final[Mapping[str, Addition]] = {
    **{name: _styled(styles) for name, styles in _STYLES.items()},
    **{name: _wrapped(form) for name, form in _WRAPPED.items()},
    **{name: _in_head(form) for name, form in _IN_HEAD.items()},
    "style-sheet": _by_sheet,
}
"""Ways to have a text in a page that nobody sees."""
