"""The online protocol: each message is predicted and then learned, in order of arrival, as a site would live it.

It answers what a fixed test cannot: how soon a site's own labels help, and what they cost. The labels go into a layer in
memory that is the live one (`checks.content.site`) and into no store. People label little of what they read, so `share`
of the labels, drawn by a seed, can be learned and the rest held back; every message is predicted all the same. (This is the
protocol of the TREC spam tracks, Cormack 2007.)

Order of arrival is the order of file names, numbers by their value; a packed archive keeps its own, but where it has all ham in front of
all unwanted mail, or behind it: that is how it was packed and not how mail arrives, so the two are mixed in proportion. Messages of
mbox files have no names to compare, so the sources take turns. A pack that lends both kinds of mail is a site of its own; everything else is
one site together: ham from one place and spam from another have to meet.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from gatepost.arrival.replay import files, messages
from gatepost.checks.content.classifier import ContentCheck
from gatepost.checks.content.fields import Fields, field_tokens
from gatepost.checks.content.lesson import make
from gatepost.checks.content.site import SiteMemory
from gatepost.training.corpus import LABELS, boxes, packed_labels
from gatepost.training.score import Read, Scored, Side, Sides, batches, read, scored, worked
from gatepost.training.sources import Letter, Source


@dataclass(frozen=True, slots=True)
class Online:
    """How labels are given: the `share` of messages that are learned, in [0, 1], drawn by `seed`; the layer's `weight`."""

    share: float
    seed: int
    weight: float


@dataclass(slots=True)
class Learned:
    """The scores by source, and how many ham and unwanted messages were learned from."""

    sides: list[Sides]
    labels: list[int] = field(default_factory=lambda: [0, 0])


def score_online(
    check: ContentCheck,
    sources: list[Source],
    online: Online,
    limit: int | None,
    jobs: int,
    done: Callable[[int], None],
) -> Learned:
    """Predict and learn the messages of all sources in order; the same for any number of `jobs` (they read mail ahead).

    `done` is told of each batch how many messages it had. Raises what reading the messages raises.
    """
    found = Learned([(Side(), Side()) for _ in sources])
    for site in sites(sources):
        memory, draw = SiteMemory(online.weight), random.Random(online.seed)
        letters = in_order(site, limit)
        for batch in worked(lambda some: [meet(check, each) for each in some], batches(letters), jobs):
            for met in batch:
                found.sides[met.source][met.unwanted].add(met.predicted(memory))
                if draw.random() < online.share:
                    found.labels[met.unwanted] += met.taught(memory)
            done(len(batch))
    return found


@dataclass(frozen=True, slots=True)
class Met:
    """A message of a site: where it belongs, what the model makes of it, and its header fields."""

    source: int
    unwanted: bool
    seen: Read
    fields: Fields

    def predicted(self, memory: SiteMemory) -> Scored:
        """Give its score with what the site's labels say so far."""
        if isinstance(self.seen, bool):
            return scored(self.seen)
        features, opinion = self.seen
        opinion = memory.adjust(features, opinion, fields=lambda: self.fields).opinion
        return opinion.logit, opinion.probability, False

    def taught(self, memory: SiteMemory) -> bool:
        """Learn it; says whether there was anything to learn from."""
        label = "spam" if self.unwanted else "ham"
        lesson = None if isinstance(self.seen, bool) else make(self.seen[0], label, 0.0, self.fields)
        if lesson is not None:
            memory.apply([(lesson.id, lesson)])
        return lesson is not None


def meet(check: ContentCheck, letter: Letter) -> Met:
    """Read a message; its bytes stay in the process that does. Never raises."""
    seen = read(check, letter.stored)
    fields = () if isinstance(seen, bool) else field_tokens(letter.stored.message())
    return Met(letter.source, letter.unwanted, seen, fields)


def sites(sources: list[Source]) -> list[list[tuple[int, Source]]]:
    """Put numbered sources together that learn from one another: each pack with both kinds by itself, all else as one."""
    numbered = list(enumerate(sources))
    whole = [[pair] for pair in numbered if len(pair[1].kinds) > 1]
    parts = [pair for pair in numbered if len(pair[1].kinds) == 1]
    return [*whole, parts] if parts else whole


def in_order(site: list[tuple[int, Source]], limit: int | None) -> Iterator[Letter]:
    """Stream the messages of one site in order of arrival, `limit` of each kind of a source at most."""
    if not all(_has_names(source) for _, source in site):
        yield from _by_turns([_arriving(number, source, limit) for number, source in site])
        return
    found = [(path, number, unwanted) for number, source in site for path, unwanted in _files_of(source)]
    taken: dict[tuple[int, bool], int] = {}
    for path, number, unwanted in sorted(found, key=lambda each: natural(each[0].name)):
        taken[number, unwanted] = taken.get((number, unwanted), 0) + 1
        if limit is None or taken[number, unwanted] <= limit:
            yield from (Letter(number, unwanted, stored) for stored in messages(path))


def _arriving(number: int, source: Source, limit: int | None) -> Iterator[Letter]:
    """Stream a source whose files have no names to sort by."""
    labels = (
        packed_labels(source.paths[0]) if source.pack and len(source.kinds) > 1 and source.paths[0].is_file() else []
    )
    unwanted = [label != "ham" for label in labels]
    if not 0 < sum(unwanted) < len(unwanted) or unwanted not in (sorted(unwanted), sorted(unwanted, reverse=True)):
        return source.read(number, limit)
    sizes = [min(unwanted.count(kind), limit or len(unwanted)) for kind in (False, True)]
    return _mixed([replace(source, kinds={kind}).read(number, limit) for kind in (False, True)], sizes)


def _mixed(streams: list[Iterator[Letter]], sizes: list[int]) -> Iterator[Letter]:
    """Give the letters of streams of known sizes so that all come to their end together."""
    places = [((turn + 0.5) / size, at) for at, size in enumerate(sizes) for turn in range(size)]
    for _, at in sorted(places):
        yield from islice(streams[at], 1)


def _has_names(source: Source) -> bool:
    """Say whether each message of a source is a file with a name."""
    pack = source.paths[0]
    if source.pack:
        return pack.is_dir() and not any(boxes(pack, label) for label in LABELS)
    return source.files() is not None


def _files_of(source: Source) -> list[tuple[Path, bool]]:
    """Give the message files of a source and whether each is unwanted."""
    if not source.pack:
        return [(path, True in source.kinds) for path in source.found()]
    pack = source.paths[0]
    labels = [label for label in LABELS if (pack / label).is_dir() and (label != "ham") in source.kinds]
    return [(path, label != "ham") for label in labels for path in files([pack / label])]


def natural(name: str) -> list[tuple[int, str]]:
    """Give the key that sorts names as people do: `inmail.9` before `inmail.10`."""
    pieces = re.split(r"([0-9]{1,18})", name)
    return [(int(piece), "") if odd % 2 else (-1, piece) for odd, piece in enumerate(pieces)]


def _by_turns(streams: list[Iterator[Letter]]) -> Iterator[Letter]:
    while streams:
        for stream in list(streams):
            letter = next(stream, None)
            if letter is None:
                streams.remove(stream)
            else:
                yield letter
