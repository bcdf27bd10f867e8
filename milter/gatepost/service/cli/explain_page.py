"""How an explanation looks to people on a terminal: the answer, its bar, the parts of the score, the words behind them.

Everything on the page goes through `shown()` into `Text`: no byte of a message reaches the terminal as a control character or
as markup. A terminal that speaks no UTF-8 gets `#` for bars.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from gatepost.checks.content.shares import decimal
from gatepost.decision.flip import Answer, Flip
from gatepost.ledger.record import shown
from gatepost.service.cli.explanation import Explanation, Line, Reading

_COLOURS: Final = {
    Answer.DELIVERED: "green",
    Answer.MARKED: "magenta",
    Answer.HELD: "yellow",
    Answer.DEFERRED: "cyan",
    Answer.REFUSED: "red",
}
_SCORE_WIDTH: Final = 60
_SHARE_WIDTH: Final = 12
_AGAINST, _FOR = "green", "red"
_BLOCK, _TICK, _EMPTY = "█", "┃", "─"
_ASCII: Final = str.maketrans(_BLOCK + _TICK + _EMPTY, "#|-")


def page(explanation: Explanation, *, ascii_only: bool = False) -> Group:
    """Give the page of one message; with `ascii_only` no character beyond ASCII is drawn."""
    record = explanation.record
    title = Text.assemble(
        (shown(explanation.name), "bold"),
        "  ",
        (str(explanation.answer), _COLOURS[explanation.answer]),
        f", score {record.verdict.score:.1f}",
    )
    pieces: list[Text | Table] = [title]
    if record.reason:
        pieces.append(Text(shown(record.reason)))
    pieces += [Text(), *_score_bar(explanation, ascii_only=ascii_only), _parts(explanation)]
    if explanation.reading:
        pieces.append(_breakdown(explanation.reading, ascii_only=ascii_only))
    pieces += [Text("what would have flipped it", style="italic"), *_flips(explanation)]
    return Group(*pieces)


def _drawn(text: str, *, ascii_only: bool) -> str:
    return text.translate(_ASCII) if ascii_only else text


def _score_bar(explanation: Explanation, *, ascii_only: bool) -> Iterator[Text]:
    """Draw the score against the thresholds: filled up to the score, a tick where something happens."""
    score, thresholds = explanation.record.verdict.score, explanation.policy.thresholds
    top = 1.1 * max(thresholds.reject, score)
    ticks = {int(at / top * _SCORE_WIDTH) for _, at, _ in explanation.distances()}
    filled = int(max(score, 0.0) / top * _SCORE_WIDTH)
    bar = "".join(_TICK if at in ticks else _BLOCK if at < filled else _EMPTY for at in range(_SCORE_WIDTH))
    drawn = Text(_drawn(bar, ascii_only=ascii_only))
    drawn.stylize(_COLOURS[explanation.answer], 0, filled)
    yield drawn
    yield Text(", ".join(f"{what} from {at:.1f}" for what, at, _ in explanation.distances()), style="dim")


def _parts(explanation: Explanation) -> Table:
    """Give the parts of the score and their sum."""
    verdict = explanation.record.verdict
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="what the score is made of", title_justify="left")
    table.add_column("points", justify="right")
    table.add_column("code", no_wrap=True)
    table.add_column("because", overflow="fold")
    for part in verdict.because:
        excuse = f" Excused by {part.excuse}: no points." if part.excuse else ""
        table.add_row(Text(f"{part.points:+.1f}"), Text(shown(part.code)), Text(shown(part.detail) + shown(excuse)))
    if not verdict.because:
        table.add_row("", "", Text("Nothing that was found has a weight."))
    table.add_row(Text(f"{verdict.score:+.1f}"), Text("sum"), Text(), style="bold")
    return table


def _breakdown(reading: Reading, *, ascii_only: bool) -> Table:
    """Give what the classifier read, what speaks for unwanted mail first, with the sums."""
    excused = f" (excused by {shown(reading.excuse)}: no points)" if reading.excuse else ""
    title = f"what {shown(reading.code)} is made of{excused}"
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=Text(title), title_justify="left")
    for name in ("points", "log-odds", "wanted"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("unwanted", no_wrap=True)
    table.add_column("what", overflow="fold")
    # The rest is many things: measured by it, each single one would be invisible.
    longest = max((abs(line.logit) for line in reading.lines if line.token), default=0) or 1
    for line in _ordered(reading.lines):
        length = min(_SHARE_WIDTH, round(abs(line.logit) / longest * _SHARE_WIDTH))
        bar = _drawn(_BLOCK * length, ascii_only=ascii_only)
        table.add_row(
            Text(decimal(line.points, "+")),
            Text(decimal(line.logit, "+")),
            Text(bar if line.logit < 0 else "", style=_AGAINST),
            Text(bar if line.logit > 0 else "", style=_FOR),
            Text(line.words),
        )
    points = sum(line.points for line in reading.lines)
    table.add_row(
        Text(decimal(points, "+")), Text(decimal(reading.logit, "+")), Text(), Text(), Text("sum"), style="bold"
    )
    return table


def _ordered(lines: tuple[Line, ...]) -> list[Line]:
    """Give the base, what speaks for unwanted mail, what speaks against it, each strongest first, and the rest."""
    base, *named, rest = lines
    return [base, *sorted(named, key=lambda line: (line.logit < 0, -abs(line.logit))), rest]


def _flips(explanation: Explanation) -> Iterator[Text]:
    """Say what would have made another answer, and how far the thresholds are."""
    if explanation.replayed is not explanation.answer:
        yield Text(
            f"Today's config would answer otherwise: {explanation.replayed}. What follows is about today's config."
        )
    still = f"it would still be {explanation.replayed}."
    if explanation.absence:
        yield Text(_told("Without", explanation.absence))
    else:
        yield Text(f"No single finding decided it: without any one of them {still}")
    for flip in explanation.presences:
        yield Text(_told("With", flip))
    if not explanation.presences:
        yield Text(f"With any one finding more {still}")
    for what, at, missing in explanation.distances():
        told = f"{missing:.1f} points away" if missing > 0 else f"passed by {-missing:.1f} points"
        yield Text(f"{str(what).capitalize()} from {at:.1f}: {told}.")
    if explanation.record.verdict.degraded:
        yield Text(f"Not complete: no answer from {shown(', '.join(explanation.record.verdict.degraded))}.")


def _told(how: str, flip: Flip) -> str:
    score = f"the score changes by {flip.points:+.1f}" if flip.points else "the score stays"
    return f"{how} {shown(flip.code)} it would be {flip.answer} ({score})."
