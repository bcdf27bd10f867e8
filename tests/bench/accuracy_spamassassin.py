"""SpamAssassin's Bayes in the accuracy benchmark: the classifier alone, without rules and without the network.

A Perl process holds the database and is told file names. It learns some tens of messages a second, so it gets fewer of
them unless more are asked for.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Final

from bench.accuracy_filter import Done, Filter, FilterError, first_line
from bench.accuracy_mail import Mail

_SCRIPT: Final = Path(__file__).with_suffix(".pl")
_NO_OPINION: Final = 0.5


class SpamAssassin(Filter):
    """One Perl process, from the first message learned to the last one scored."""

    name: ClassVar[str] = "spamassassin"
    cutoff: ClassVar[float] = 0.95  # from BAYES_95 on a message has three of the five points that make it spam
    usual_limit: ClassVar[int | None] = 1500

    def __init__(self, folder: Path) -> None:
        """Start the process."""
        super().__init__(folder)
        self.log = (folder / "log").open("w+")
        self.process = subprocess.Popen(
            ["perl", str(_SCRIPT), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            bufsize=1,
        )

    @classmethod
    def version(cls) -> str:
        """Give the version, `SpamAssassin 4.0.1`."""
        said = first_line("perl", "-MMail::SpamAssassin", "-e", "print Mail::SpamAssassin::Version()")
        return f"SpamAssassin {said}" if said[:1].isdigit() else ""

    def train(self, mail: Sequence[Mail], done: Done) -> None:
        """Learn each message once."""
        for said in self._asked((("spam" if each.unwanted else "ham"), each) for each in mail):
            if said != "ok":
                raise FilterError(f"SpamAssassin said {said!r} to a message to learn")
            done(1)

    def score(self, mail: Sequence[Mail], done: Done) -> list[float]:
        """Ask for the probability of each message; without an opinion it is even."""
        scores = []
        for said in self._asked(("score", each) for each in mail):
            scores.append(read_probability(said))
            done(1)
        return scores

    def close(self) -> None:
        """End the process: it does so by itself when nothing more is to come."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.log.close()

    def _asked(self, questions: Iterator[tuple[str, Mail]]) -> Iterator[str]:
        """Ask one question after the other and give the answers."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        for verb, mail in questions:
            try:
                self.process.stdin.write(f"{verb} {mail.path}\n")
                said = self.process.stdout.readline().strip()
            except BrokenPipeError:
                said = ""
            if not said:
                self.log.seek(0)
                raise FilterError(f"SpamAssassin ended: {self.log.read().strip().rpartition(chr(10))[2]}")
            yield said


def read_probability(said: str) -> float:
    """Read what the process says of a message: a probability, or `none`."""
    return _NO_OPINION if said == "none" else float(said)
