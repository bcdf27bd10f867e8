"""The table of error budgets: the same thresholds on held-out and on given mail, and honest gaps."""

from __future__ import annotations

import json
import math
import random

from gatepost.checks.content.budget import Budget, Tail, choose, logit_of, settle
from gatepost.training.budget_table import RATES, budget_table
from gatepost.training.report import report
from gatepost.training.score import Side

DRAW = random.Random(2611)
HAM = tuple(sorted((DRAW.gauss(-3, 2) for _ in range(20_000)), reverse=True))
UNWANTED = tuple(sorted(DRAW.gauss(4, 2) for _ in range(200)))
BUDGET = Budget({"x": Tail(20_000, HAM[:1000])}, {"x": Tail(9_000, UNWANTED)})


def side(logits: list[float]) -> Side:
    """Give scored mail by its log-odds; minus infinity has no opinion."""
    made = Side()
    for logit in logits:
        made.add((logit, math.nan if math.isinf(logit) else 0.5, False))
    return made


def test_every_budget_has_its_threshold():
    """Five lines, from generous to strict, each with the threshold that the site's own check would take."""
    lines = budget_table(BUDGET, 0.5)
    assert [line.choice for line in lines] == [choose(BUDGET, rate) for rate in RATES]
    caught = [line.mean_caught for line in lines]
    assert None not in caught
    assert caught == sorted(caught, key=lambda share: -(share or 0))
    assert all(line.total is None for line in lines)


def test_no_budget_marks_what_is_not_called_spam():
    """Where `spam_from` lies above a budget's threshold, the line is about `spam_from`, as the site's check settles it."""
    lines = budget_table(BUDGET, 0.97, report(["ham"], [(side([logit_of(0.97), 3.0, -9.0]), side([9.0]))], 0.0))
    assert [line.choice for line in lines] == [settle(BUDGET, rate, 0.97).choice for rate in RATES]
    assert lines[0].choice.logit == logit_of(0.97) > choose(BUDGET, RATES[0]).logit
    assert lines[0].total is not None
    assert lines[0].total.marked is not None
    assert lines[0].total.marked.hits == 1
    assert lines[-1].choice == choose(BUDGET, RATES[-1])


def test_given_mail_is_counted_at_these_thresholds():
    """At the threshold is marked; mail without text never; a source without ham has no share of it."""
    mark = choose(BUDGET, RATES[0]).logit
    sides = [
        (side([mark, math.nextafter(mark, -1), -math.inf, -9.0]), side([])),
        (side([]), side([99.0, mark, -math.inf, -9.0])),
    ]
    first = budget_table(BUDGET, 0.5, report(["ham", "junk"], sides, 0.0))[0]
    wanted, junk = first.sources
    assert (wanted.source, wanted.caught, junk.marked) == ("ham", None, None)
    assert wanted.marked is not None
    assert junk.caught is not None
    assert first.total is not None
    assert (wanted.marked.hits, wanted.marked.messages) == (1, 4)
    assert (junk.caught.hits, junk.caught.messages) == (2, 4)
    assert (first.total.marked, first.total.caught) == (wanted.marked, junk.caught)


def test_it_is_json_without_unwanted_mail_too():
    """Every number is finite and what is not known is null."""
    lines = budget_table(Budget(BUDGET.tails, {}), 0.5)
    assert [line.mean_caught for line in lines] == [None] * len(RATES)
    found = json.loads(json.dumps([line.as_json() for line in lines], allow_nan=False))
    assert found[0]["held out"]["share caught"] == {}
    assert found[0]["total"] is None
