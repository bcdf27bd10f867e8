"""How often does the attachment check hold honest mail, and what does it find at all? Packs in, counts out.

    .venv/bin/python tests/bench/attachments_precision.py PACK... [--show CODE]

For each pack: messages by label, those with files, those that the built-in policy holds or refuses, those with what would be
marked, and each finding with the number of messages that have it. `--show` prints the sentences of one code.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from pathlib import Path

from gatepost.checks.attachments import family
from gatepost.checks.content import family as content
from gatepost.decision.decide import weigh
from gatepost.decision.policy import Policy
from gatepost.evidence import Evidence, Found
from gatepost.mail.envelope import Envelope
from gatepost.mail.message import from_bytes
from gatepost.training.corpus import read_pack

FORCED = {"attachment.hold", "attachment.reject"}


def main() -> None:
    """Judge the files of every message of the packs."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("packs", nargs="+", type=Path)
    arguments.add_argument("--show", default="")
    asked = arguments.parse_args()
    settings = family.Settings()
    unpacker = family.open_unpacker(settings)
    *_, check = family.build(settings, unpacker)
    opinion = content.build(content.Settings())
    enclosed = content.EnclosedCheck(opinion)
    for pack in asked.packs:
        count: dict[str, Counter[str]] = defaultdict(Counter)
        for sample in read_pack(pack):
            message = from_bytes(sample.data)
            found: list[Evidence] = list(check.run(Envelope(), message, Found()))
            if found:
                found += enclosed.run(Envelope(), message, Found())
            note(count[sample.label], found)
            for item in found:
                if item.code == asked.show:
                    print(f"{pack.name} {sample.name} {sample.label}: {item.detail[:200]}")
        for label, tally in sorted(count.items()):
            print(f"{pack.name} {label}: {dict(tally.most_common())}", flush=True)
    unpacker.close()


def note(tally: Counter[str], found: list[Evidence]) -> None:
    """Count one message."""
    codes = {item.code for item in found} - {"attachment.file"}
    points = sum(part.points for part in weigh(Policy(), found))
    tally["messages"] += 1
    tally["with files"] += bool(found)
    tally["held"] += bool(codes & FORCED)
    tally["five points or more"] += points >= 5
    tally.update(codes)


if __name__ == "__main__":
    main()
