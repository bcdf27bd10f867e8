"""`gatepost shadow`: where a candidate model and the live one disagree, read back from the records.

The records are the daemon's log lines (one JSON object a message) or the lines of `gatepost scan --json`; other lines of a log
are passed over. They are read one at a time and what is kept is bounded, so a year's log is no trouble.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from gatepost.arrival.replay import ReplayError
from gatepost.checks.content.shadow import FACT, TOKENS_FACT, Said, read_fact
from gatepost.ledger.record import shown
from gatepost.service.cli.records import records
from gatepost.service.cli.show import console

HELP: Final = """Report where the model of [classifier] shadow and the live one disagree.

\b
From the daemon's log:       journalctl -u gatepost -o cat | gatepost shadow -
From a file:                 gatepost shadow /var/log/gatepost.log
On stored mail:              gatepost scan --json --config with-shadow.toml mail/ | gatepost shadow -
"""

_TOKENS_SHOWN: Final = 15
_TOKENS_KEPT: Final = 50_000


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One message that two models call differently; `id` is the record's, or the file's name."""

    id: str
    said: Said
    tokens: str


@dataclass(slots=True)
class Report:
    """What was read so far: messages by model, by pair of classes, the tokens that made the difference, recent cases."""

    recent: deque[Disagreement]
    live_models: Counter[str] = field(default_factory=Counter)
    candidates: Counter[str] = field(default_factory=Counter)
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)
    failed: int = 0

    @property
    def messages(self) -> int:
        """Messages that both models judged."""
        return sum(self.pairs.values())

    @property
    def disagreements(self) -> int:
        """Messages whose classes differ."""
        return sum(number for (live, candidate), number in self.pairs.items() if live != candidate)

    def shares(self, place: int) -> dict[str, float]:
        """Give the share of each class, by the live model (place 0) or the candidate (place 1)."""
        counts: Counter[str] = Counter()
        for pair, number in self.pairs.items():
            counts[pair[place]] += number
        return {label: number / self.messages for label, number in counts.most_common()}


def shadow(
    logs: Annotated[
        list[Path],
        typer.Argument(metavar="LOG...", help="Files of JSON records, a line each, or - for standard input."),
    ],
    json_output: Annotated[bool, typer.Option("--json", help="One JSON object, for machines.")] = False,
    recent: Annotated[
        int, typer.Option(min=0, max=10_000, metavar="N", help="How many of the latest disagreements to list.")
    ] = 20,
) -> None:
    """Report where the shadow model and the live one disagree."""
    report = Report(deque(maxlen=recent))
    for path in logs:
        for record in records(path, FACT.encode()):
            add(report, record)
    if not report.messages and not report.failed:
        raise ReplayError(f"no record with a shadow model's opinion in {', '.join(map(str, logs))}")
    if json_output:
        print(json.dumps(plain_data(report), ensure_ascii=False))
    else:
        console().print(page(report))


def add(report: Report, record: Mapping[str, Any]) -> None:
    """Add a record to the report; one without a shadow's opinion, or of another shape, changes nothing."""
    facts = _facts(record)
    if facts is None:
        return
    if facts.get(FACT, "").endswith(" failed"):
        report.failed += 1
    said = read_fact(facts.get(FACT, ""))
    if said is None:
        return
    report.live_models[shown(facts.get("model", ""))] += 1
    report.candidates[shown(said.model)] += 1
    report.pairs[said.live_label, said.label] += 1
    if said.live_label != said.label:
        _disagree(report, record, facts.get(TOKENS_FACT, ""), said)


def _disagree(report: Report, record: Mapping[str, Any], tokens: str, said: Said) -> None:
    """Keep a disagreement and its tokens."""
    name = shown(str(record.get("file") or record.get("id") or ""))
    report.recent.append(Disagreement(name, said, shown(tokens)))
    for token in tokens.split():
        word = token.partition("(")[0]
        if word in report.tokens or len(report.tokens) < _TOKENS_KEPT:
            report.tokens[word] += 1


def _facts(record: Mapping[str, Any]) -> Mapping[str, str] | None:
    """Give the facts of the finding that a shadow model was asked about, or None."""
    evidence = record.get("evidence")
    for item in evidence if isinstance(evidence, list) else ():
        facts = item.get("facts") if isinstance(item, dict) and item.get("check") == "content" else None
        if isinstance(facts, dict) and FACT in facts:
            return {str(name): value for name, value in facts.items() if isinstance(value, str)}
    return None


def plain_data(report: Report) -> dict[str, Any]:
    """Give the report as plain data: the form of `gatepost shadow --json` (docs/model.md)."""
    return {
        "live": list(report.live_models),
        "shadow": list(report.candidates),
        "messages": report.messages,
        "failed": report.failed,
        "disagreements": report.disagreements,
        "shares": {"live": _rounded(report.shares(0)), "shadow": _rounded(report.shares(1))},
        "pairs": {f"{live}>{other}": number for (live, other), number in _differing(report)},
        "tokens": [{"token": shown(token), "messages": number} for token, number in _top(report)],
        "recent": [
            {
                "id": each.id,
                "live": {"class": each.said.live_label, "probability": each.said.live_probability},
                "shadow": {"class": each.said.label, "probability": each.said.probability},
                "tokens": each.tokens,
            }
            for each in report.recent
        ],
    }


def _rounded(shares: Mapping[str, float]) -> dict[str, float]:
    return {label: round(share, 4) for label, share in shares.items()}


def _differing(report: Report) -> list[tuple[tuple[str, str], int]]:
    return [(pair, number) for pair, number in report.pairs.most_common() if pair[0] != pair[1]]


def _top(report: Report) -> list[tuple[str, int]]:
    return report.tokens.most_common(_TOKENS_SHOWN)


def page(report: Report) -> Group:
    """Give the report as people read it: both models, where they differ, over what, and the latest cases."""
    live, candidate = ", ".join(report.live_models), ", ".join(report.candidates)
    told = f"{report.messages} messages, {report.disagreements} called otherwise"
    told += f", {report.failed} on which the shadow model failed" if report.failed else ""
    shares = _table("class", live or "live", candidate or "shadow")
    of_live, of_candidate = report.shares(0), report.shares(1)
    for label in of_live | of_candidate:
        shares.add_row(Text(label), f"{of_live.get(label, 0):.2%}", f"{of_candidate.get(label, 0):.2%}")
    pairs = _table("live", "shadow", "messages")
    for (one, other), number in _differing(report):
        pairs.add_row(Text(one), Text(other), str(number))
    tokens = _table("token, with the sign of the difference", "messages")
    for token, number in _top(report):
        tokens.add_row(Text(shown(token)), str(number))
    return Group(Text(told), shares, pairs, tokens, _recent(report.recent))


def _recent(cases: Iterable[Disagreement]) -> Table:
    table = _table("record", "live", "shadow", "tokens whose points differ most")
    for each in cases:
        live = f"{each.said.live_label} {each.said.live_probability:.3f}"
        other = f"{each.said.label} {each.said.probability:.3f}"
        table.add_row(Text(each.id), Text(live), Text(other), Text(each.tokens))
    return table


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    return table
