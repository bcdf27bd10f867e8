"""`make bench`: what one message costs, check by check, on the mail cases of tests/corpus.

Prints the median CPU milliseconds per message over several rounds, the share of each check, and the ratio to the committed
baseline; then what authentication costs, beside the bare libraries, what the content check costs, beside a fixed loop, and what
reading MIME in every way costs.
Absolute numbers differ between machines and hours; the shares hold, and so does a ratio within one run.

    python tests/bench/run.py [--rounds N] [--json] [--write-baseline]
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import bench_attachments, bench_auth, bench_content, bench_mime, bench_unpacking
from gatepost.mail.message import Message, from_bytes
from support.cases import Case, cases

BASELINE = Path(__file__).with_name("baseline.json")


class Prepared:
    """A case with its pipeline built and its bytes read, so that only the judging is timed."""

    def __init__(self, case: Case) -> None:
        """Read everything once."""
        self.pipeline, self.envelope = case.pipeline(), case.envelope()
        self.data = case.data()

    def judge(self, spent: dict[str, float]) -> None:
        """Judge once, adding the CPU seconds of each check to `spent`."""
        begin = time.thread_time()
        message = from_bytes(self.data)
        spent["parse"] += time.thread_time() - begin
        timed = _timed(self.pipeline.lineup, spent)
        whole = time.thread_time()
        _with_lineup(self.pipeline, timed).judge(self.envelope, message)
        spent["all"] += time.thread_time() - whole


def _with_lineup(pipeline: Any, lineup: tuple[Any, ...]) -> Any:
    from dataclasses import replace

    return replace(pipeline, lineup=lineup)


def _timed(lineup: tuple[Any, ...], spent: dict[str, float]) -> tuple[Any, ...]:
    """Wrap checks so that their CPU time is added up by name."""

    class Timed:
        def __init__(self, check: Any) -> None:
            self.name, self.codes, self.after, self._check = check.name, check.codes, check.after, check

        def run(self, envelope: Any, message: Message, found: Any) -> Any:
            begin = time.thread_time()
            try:
                return self._check.run(envelope, message, found)
            finally:
                spent[self.name] += time.thread_time() - begin

    return tuple(Timed(check) for check in lineup)


def measure(rounds: int) -> dict[str, float]:
    """Give the median CPU milliseconds per message of each part over the rounds."""
    prepared = [Prepared(case) for case in cases()]
    samples: dict[str, list[float]] = defaultdict(list)
    for number in range(rounds + 1):
        spent: dict[str, float] = defaultdict(float)
        for item in prepared:
            item.judge(spent)
        if number:  # the first round warms caches
            for name, seconds in spent.items():
                samples[name].append(seconds * 1e3 / len(prepared))
    return {name: round(statistics.median(values), 4) for name, values in samples.items()}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--write-baseline", action="store_true", help="keep this run as the baseline")
    args = parser.parse_args()
    found = measure(args.rounds)
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    if args.write_baseline:
        BASELINE.write_text(json.dumps({"machine": machine, "ms": found}, indent=2) + "\n")
    if args.json:
        auth = bench_auth.measure(args.rounds, 50)
        content = bench_content.measure(args.rounds)
        unpacking = {what: asdict(cost) for what, cost in bench_unpacking.measure(3).items()}
        attachments = {"attachments": bench_attachments.measure(), "unpacking": unpacking}
        mime = bench_mime.measure(max(1, args.rounds // 5))
        parts = {"authentication": auth, "content": content, "mime": mime, **attachments}
        print(json.dumps({"machine": machine, "messages": len(cases()), "ms": found, **parts}))
        return 0
    known = json.loads(BASELINE.read_text())["ms"] if BASELINE.exists() else {}
    print(f"{len(cases())} messages, {args.rounds} rounds, {machine}; median CPU ms per message")
    for name, value in sorted(found.items(), key=lambda pair: -pair[1]):
        ratio = f"{value / known[name]:6.2f} x baseline" if known.get(name) else ""
        print(f"{name:12} {value:8.3f}  {value / found['all']:6.1%}  {ratio}")
    print()
    bench_auth.report(bench_auth.measure(args.rounds, 50))
    print()
    bench_content.report(bench_content.measure(args.rounds))
    print()
    bench_mime.report(bench_mime.measure(max(1, args.rounds // 5)))
    print()
    bench_attachments.report(bench_attachments.measure())
    print()
    bench_unpacking.report(bench_unpacking.measure(3))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
