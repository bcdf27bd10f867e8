"""Running candidates: what is learned from and what is tested, fits that are kept, and stacks of fits.

Two questions, two ways of holding out. *Unseen*: each pack in turn is tested by a model that learned the others; packs
of one kind of mail are held out together, and invented mail by halves of its writers. *Later*: the last fifth in time of
each source is tested by a model that learned the first four.

A fit is a file named by all that it depends on, with the scores of every message: a search that was interrupted goes on
where it was, and stacks use the fits of their members.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from sklearn.linear_model import LogisticRegression

from bench import search_matrix
from bench.search_learners import Learner
from bench.search_matrix import Matrices
from gatepost.training import columns, fit
from gatepost.training.evaluate import later_rows
from gatepost.training.fit import Bools, Floats, sample_weights
from gatepost.training.table import Table

INVENTED: Final = "invented"
"""The pack that the project wrote itself."""

PROTOCOLS: Final = ("unseen", "later")

_TIMED: Final = 100
_STACK_STRENGTH: Final = 1.0


@dataclass(frozen=True, slots=True)
class Fold:
    """One training from nothing: the messages learned from, and those tested."""

    learned: Bools
    tested: Bools


@dataclass(frozen=True, slots=True)
class Result:
    """What came out: a score for each message (NaN: not tested), seconds of fitting, milliseconds to score one, bytes."""

    scores: Floats
    seconds: float
    milliseconds: float
    bytes: int


def public_groups(table: Table) -> list[Bools]:
    """Give what is held out together: each pack with both kinds of mail, and all packs of one kind."""
    both, one = [], np.zeros(len(table), bool)
    for pack in sorted(set(table.packs.tolist()) - {INVENTED}):
        members = table.packs == pack
        if len(set(table.unwanted[members].tolist())) == 2:
            both.append(members)
        else:
            one |= members
    return [*both, one] if one.any() else both


def written_halves(table: Table) -> list[Bools]:
    """Give the invented mail in two halves, each writer's in one; with a single writer all of it."""
    invented = table.packs == INVENTED
    writers = sorted(set(table.sources[invented].tolist()))
    halves = [invented & np.isin(table.sources, writers[start::2]) for start in (0, 1)]
    return [half for half in halves if half.any()]


def folds(table: Table, protocol: str, *, invented: bool) -> Iterator[Fold]:
    """Give the folds of a protocol; `invented` says whether the project's own mail may be learned from."""
    own = table.packs == INVENTED
    allowed = np.ones(len(table), bool) if invented else ~own
    if protocol == "later":
        later = later_rows(table)
        yield Fold(allowed & ~later, later)
        return
    yield from (Fold(allowed & ~group, group) for group in public_groups(table))
    for half in written_halves(table) if invented else [own]:
        if half.any():
            yield Fold(allowed & ~half, half)


class Bench:
    """Fits learners on the messages of a search, and keeps what comes out."""

    def __init__(self, matrices: Matrices, folder: Path, tell: Callable[[str], None]) -> None:
        """Take what is learned from, the folder that keeps fits, and who is told of each one made."""
        self.matrices, self._folder, self._tell = matrices, folder, tell
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def table(self) -> Table:
        """What is known of each message."""
        return self.matrices.material.table

    def fitted(self, learner: Learner, learned: Bools) -> Result:
        """Give the scores of all messages by a learner that learned from some of them."""
        path = self._folder / f"{learner.name}-{self._digest(learner, learned)}.npz"
        if not path.is_file():
            _keep(path, self._fit(learner, learned))
        with np.load(path) as found:
            return Result(found["scores"].astype(np.float64), **json.loads(found["rest"].tobytes()))

    def _digest(self, learner: Learner, learned: Bools) -> str:
        parts = hashlib.sha256(_code(type(learner).__module__) + learner.name.encode())
        parts.update(self.matrices.material.digest.encode() + learned.tobytes())
        return parts.hexdigest()[:16]

    def _fit(self, learner: Learner, learned: Bools) -> Result:
        begin = time.perf_counter()
        inputs = learner.inputs(self.matrices, learned)
        fitted = learner.fit(inputs, self.matrices, learned)
        seconds = time.perf_counter() - begin
        self._tell(f"  {learner.name}: learned {int(learned.sum()):,} messages in {seconds:.0f} s")
        begin, some = time.perf_counter(), range(0, inputs.shape[0], 1 + inputs.shape[0] // _TIMED)
        for row in some:
            fitted.scores(inputs[row : row + 1])
        milliseconds = 1e3 * (time.perf_counter() - begin) / max(len(some), 1)
        return Result(fitted.scores(inputs), seconds, milliseconds, fitted.size)

    def stacked(self, members: Sequence[Learner], learned: Bools) -> Result:
        """Give the scores by a weighing of members that was learned on mail each of them had not seen.

        For that the messages learned from are themselves cut by pack, and the members fitted once for each cut. Where
        that leaves nothing to learn from, the members count alike.
        """
        outer = [self.fitted(member, learned) for member in members]
        unseen = self._held_out(members, learned)
        rows = ~np.isnan(unseen).any(1)
        own = np.stack([each.scores for each in outer], 1)
        scale = (unseen if rows.any() else own)[rows if rows.any() else learned].std(0) + 1e-9
        if len(set(self.table.unwanted[rows].tolist())) < 2:
            scores = (own / scale).mean(1)
        else:
            bare, weights = self.matrices.material.bare, sample_weights(self.table)
            model = LogisticRegression(C=_STACK_STRENGTH, max_iter=1000)
            model.fit(_beside(unseen[rows] / scale, bare[rows]), self.table.unwanted[rows], sample_weight=weights[rows])
            scores = model.decision_function(_beside(own / scale, bare))
        return Result(
            scores,
            sum(each.seconds for each in outer),
            sum(each.milliseconds for each in outer),
            sum(each.bytes for each in outer),
        )

    def _held_out(self, members: Sequence[Learner], learned: Bools) -> Floats:
        """Give each member's scores of the messages learned from, by fits that did not see their pack; NaN: none could be."""
        found = np.full((len(self.table), len(members)), np.nan)
        for group in (learned & each for each in public_groups(self.table)):
            rest = learned & ~group
            if group.any() and len(set(self.table.unwanted[rest].tolist())) == 2:
                for place, member in enumerate(members):
                    found[group, place] = self.fitted(member, rest).scores[group]
        return found


def _beside(scores: Floats, bare: Bools) -> Floats:
    """Put the mark of bare text, of which some members know nothing, beside the scores."""
    return np.hstack([scores, bare[:, None].astype(np.float64)])


def run(bench: Bench, members: Sequence[Learner], protocol: str, *, invented: bool) -> Result:
    """Run a candidate (several members are stacked) through a protocol; the cost is that of the first fold.

    Stacks are not tested on unseen invented mail: two folds, each cut by pack, would cost as much as all the others.
    """
    scores = np.full(len(bench.table), np.nan)
    costs = []
    own = bench.table.packs == INVENTED
    for fold in folds(bench.table, protocol, invented=invented):
        single = len(members) == 1
        if not single and own[fold.tested].all():
            continue
        found = bench.fitted(members[0], fold.learned) if single else bench.stacked(members, fold.learned)
        scores[fold.tested] = found.scores[fold.tested]
        costs.append(found)
    return Result(scores, costs[0].seconds, costs[0].milliseconds, costs[0].bytes)


def _keep(path: Path, result: Result) -> None:
    """Write a result; only a whole file gets the name."""
    rest = {name: value for name, value in asdict(result).items() if name != "scores"}
    part = path.with_suffix(".part.npz")
    np.savez(part, scores=result.scores.astype(np.float32), rest=np.frombuffer(json.dumps(rest).encode(), np.uint8))
    part.replace(path)


@cache
def _code(module: str) -> bytes:
    """Give a digest of the code that the fits of a module's learners depend on, as it was when first asked for."""
    names = [each.__file__ for each in (sys.modules[module], search_matrix, fit, columns)]
    return hashlib.sha256(b"".join(Path(name).read_bytes() for name in names if name)).digest()


__all__ = ["INVENTED", "PROTOCOLS", "Bench", "Fold", "Result", "folds", "public_groups", "run", "written_halves"]
