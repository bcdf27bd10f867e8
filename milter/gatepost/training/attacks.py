"""How senders try to get unwanted mail past a text classifier: each trick as a function over whole messages.

An attack takes a message as it was sent, a source of chance, and words of wanted mail in reading order; it gives a
well-formed message that says the same to the person who opens it. It never raises, whatever the bytes, and the same
message, seed and words give the same bytes. `gatepost evaluate --attacks` applies them and says what each one costs.

The names before the slash are families; what stands behind it is one way of doing it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from gatepost.training import attacks_form, attacks_padding, attacks_words
from gatepost.training.attacks_draft import Draft, put_together, take_apart

Mutation = Callable[[bytes, Random, Sequence[str]], bytes]
"""Takes a message, chance and good words (may be empty); gives the attacked message."""

WORDS: Final = (
    "the meeting on thursday moved to the small room please bring the minutes of last week and the draft of the report "
    "anna will send the agenda tomorrow thanks for the photos of the garden we talked about the school concert and the "
    "train to the mountains let me know whether the review of the patch can wait until monday because the build server "
    "is being repaired and the tests do not run kind regards"
).split()
"""Words of wanted mail, in reading order, for when none are given."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One way of attacking: `name`, a sentence for people, and `apply`."""

    name: str
    meaning: str
    apply: Mutation


def _mutation(change: attacks_padding.Addition) -> Mutation:
    """Give the attack on bytes for one on drafts."""

    def apply(data: bytes, rng: Random, good_words: Sequence[str]) -> bytes:
        return put_together(change(take_apart(data), rng, good_words or WORDS))

    return apply


def _words(text: attacks_words.Rewrite, page: attacks_words.Rewrite | None = None) -> attacks_padding.Addition:
    """Give the attack on drafts that rewrites words; on pages by `page` where that differs."""

    def change(draft: Draft, rng: Random, good_words: Sequence[str]) -> Draft:  # noqa: ARG001  the form of all attacks
        return draft.words(lambda word: text(word, rng), lambda word: (page or text)(word, rng))

    return change


def _on_page(rewrite: attacks_words.Rewrite) -> attacks_padding.Addition:
    """Give the attack that rewrites the words of the page alone, by markup; a plain text becomes a page for it."""

    def change(draft: Draft, rng: Random, good_words: Sequence[str]) -> Draft:  # noqa: ARG001  the form of all attacks
        return attacks_form.markup_words(draft, lambda word: rewrite(word, rng))

    return change


def _form(form: attacks_form.Form) -> attacks_padding.Addition:
    def change(draft: Draft, rng: Random, good_words: Sequence[str]) -> Draft:  # noqa: ARG001  the form of all attacks
        return form(draft, rng)

    return change


def _all() -> list[tuple[str, str, attacks_padding.Addition]]:
    """Give every attack: name, meaning, and the change of a draft."""
    padding, words, form = attacks_padding, attacks_words, attacks_form
    return [
        ("none", "The message put together again, nothing changed: what the rebuilding alone costs.", _form(lambda draft, _: draft)),
        ("word-salad", "Single words of wanted mail are added in view.", padding.salad),
        ("good-words", "A paragraph of wanted mail is added in view below the text.", padding.passage),
        *(
            (f"hidden-text/{name}", f"A paragraph of wanted mail is in the page but not in view, by {name}.", change)
            for name, change in padding.HIDING.items()
        ),
        ("alternative", "A harmless plain text stands beside the page that clients show.", padding.harmless_twin),
        *(
            (f"homoglyphs/{name}", f"Letters of each word are replaced by {name} look-alikes.", _words(words.look_alike(name)))
            for name in words.LOOK_ALIKES
        ),
        *(
            (f"zero-width/{name}", f"Characters without width ({name}) stand inside the words.", _words(words.without_width(name)))
            for name in words.WITHOUT_WIDTH
        ),
        ("split-words/spaces", "Words are written letter by letter: V I A G R A.", _words(words.spaced(" "))),
        ("split-words/signs", "Words are written letter by letter: v.i.a.g.r.a, v-i-a-g-r-a, v_i_a_g_r_a.", _words(words.spaced(".-_*"))),
        ("split-words/tags", "Tags that show nothing stand inside the words: vi<b></b>agra.", _on_page(words.cut(("<b></b>", "<span></span>", "<i></i>", "<font></font>", "<wbr>")))),
        ("split-words/hidden", "Hidden letters stand inside the words.", _on_page(words.cut(('<span style="display:none">xq</span>', '<span style="font-size:0">kz</span>')))),
        ("split-words/comments", "Comments stand inside the words: vi<!-- x -->agra.", _on_page(words.cut(("<!-- x -->", "<!--zq-->", "<!>")))),
        ("split-words/lines", "Line ends stand inside the words.", _words(words.cut(("-\n", "\n")), words.cut(("&shy;", "<br>")))),
        ("split-words/columns", "The text is cut into the columns of a table.", _form(form.columns)),
        ("leet", "Letters are written as digits and signs: v1agra, fr33.", _words(words.leet)),
        ("image-only/linked", "A picture from elsewhere stands in place of the text.", _form(form.image_linked)),
        ("image-only/attached", "An attached picture stands in place of the text.", _form(form.image_attached)),
        ("entity-encoding/references", "Words are written as character references.", _form(form.references)),
        ("entity-encoding/twice", "Words are written as character references within quoted-printable.", _form(form.encoded_twice)),
        *(
            (f"charset/{name}", f"The text is sent in an unusual or wrong charset ({name}).", _form(change))
            for name, change in form.CHARSETS.items()
        ),
        ("long-padding", "Wanted mail of 100 kB stands before the text.", padding.padded),
        ("newsletter-frame", "The furniture of a newsletter is added: a way out, legal lines, an address.", padding.framed),
        ("reply-quote", "An invented conversation is quoted below the text, and the subject is a reply.", padding.quoted),
        ("subject-only", "Everything is said in the subject; there is no text.", _form(form.subject_only)),
    ]  # fmt: skip


ATTACKS: Final[Mapping[str, Attack]] = {
    name: Attack(name, meaning, _mutation(change)) for name, meaning, change in _all()
}
"""Every attack by its name."""


def choose(names: Sequence[str]) -> list[Attack]:
    """Give the attacks of these names or families, in the order of ATTACKS; none named: all.

    Raises KeyError with the first name that there is none of.
    """
    for name in names:
        if not any(_is(attack, name) for attack in ATTACKS):
            raise KeyError(name)
    return [attack for key, attack in ATTACKS.items() if not names or any(_is(key, name) for name in names)]


def _is(attack: str, name: str) -> bool:
    return attack == name or attack.startswith(f"{name}/")
