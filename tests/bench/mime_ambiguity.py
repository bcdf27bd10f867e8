"""How much honest mail is called ambiguous, and how much of a family of tricks is not: both sides of the check `mime`.

Reads labelled mail (packs as `gatepost train` takes them) and counts, for each pack and label, the messages that are
`mime.ambiguous`, with what they are ambiguous in; then writes the family of tests/support/broken_mime.py with a harmless file in
it, and counts the messages in which the file is neither among the readings nor the message ambiguous.

Run: python tests/bench/mime_ambiguity.py [--show] PACK...
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from gatepost.mail.message import from_bytes
from gatepost.mail.readings import ambiguities, readings
from gatepost.training.corpus import find_packs, pack_name, read_pack
from support.broken_mime import family

_FILE = b"PK\x03\x04 a file that no scanner knows \x00\xff" * 3


def count(pack: Path, *, show: bool) -> None:
    """Print a line for each label of one pack, and one for each ambiguous message if asked to."""
    seen: Counter[str] = Counter()
    held: Counter[str] = Counter()
    for sample in read_pack(pack):
        seen[sample.label] += 1
        found = ambiguities(from_bytes(sample.data))
        if found:
            held[sample.label] += 1
            if show:
                print(f"  {sample.name}: {'; '.join(each.detail for each in found[:3])}")
    for label in sorted(seen):
        print(
            f"{pack_name(pack):28} {label:6} {seen[label]:7,} messages {held[label]:5,} ambiguous {held[label] / seen[label]:8.3%}"
        )


def tricks() -> None:
    """Print what becomes of the family."""
    cases = list(family(_FILE))
    ambiguous = seen = missed = 0
    for case in cases:
        message = from_bytes(case.data)
        differs = bool(ambiguities(message))
        given = any(_FILE in reading.data for reading in readings(message))
        ambiguous += differs
        seen += given
        missed += not (differs or given)
    print(
        f"{len(cases):,} tricks: the file is among the readings of {seen:,}, ambiguous {ambiguous:,}, neither {missed:,}"
    )


def main() -> None:
    """Count both sides."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("packs", type=Path, nargs="*", metavar="PACK", help="labelled mail, as for `gatepost train`")
    parser.add_argument("--show", action="store_true", help="name each ambiguous message and what it is ambiguous in")
    args = parser.parse_args()
    for pack in find_packs(args.packs) if args.packs else ():
        count(pack, show=args.show)
    tricks()


if __name__ == "__main__":
    main()
