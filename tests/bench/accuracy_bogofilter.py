"""bogofilter in the accuracy benchmark: a word list of its own, and no setting changed but the number of digits.

Its score is the spamicity, the probabilities of a message's words combined after Robinson and Fisher. It is asked for with
17 digits, as many as it can print: with the usual six far more spam would be level with the worst of the ham.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import ClassVar, Final

from bench.accuracy_filter import Done, Filter, FilterError, first_line
from bench.accuracy_mail import Mail

_BATCH: Final = 1000
_SETTINGS: Final = "terse_format = %1.1c %1.17f\n"


class Bogofilter(Filter):
    """One word list, filled and asked by a process for each batch of files."""

    name: ClassVar[str] = "bogofilter"
    cutoff: ClassVar[float] = 0.99  # its spam_cutoff

    def __init__(self, folder: Path) -> None:
        """Write the settings beside the word list."""
        super().__init__(folder)
        self.settings = folder / "bogofilter.cf"
        self.settings.write_text(_SETTINGS)

    @classmethod
    def version(cls) -> str:
        """Give the version, `bogofilter 1.2.5`."""
        return first_line("bogofilter", "-V").replace(" version", "")

    def train(self, mail: Sequence[Mail], done: Done) -> None:
        """Register ham, then spam; each message once."""
        for unwanted, switch in ((False, "-n"), (True, "-s")):
            for batch in _batches([each for each in mail if each.unwanted == unwanted]):
                self._run([switch], batch)
                done(len(batch))

    def score(self, mail: Sequence[Mail], done: Done) -> list[float]:
        """Ask for the spamicity of each message."""
        scores: list[float] = []
        for batch in _batches(mail):
            found = read_spamicity(self._run(["-t", "-v"], batch))
            try:
                scores += [found[str(each.path)] for each in batch]
            except KeyError as error:
                raise FilterError(f"bogofilter said nothing of {Path(error.args[0]).name}") from None
            done(len(batch))
        return scores

    def _run(self, switches: list[str], batch: list[Mail]) -> str:
        """Give one batch of file names to a process of its own."""
        names = "".join(f"{each.path}\n" for each in batch)
        command = ["bogofilter", "-c", str(self.settings), "-d", str(self.folder), "-b", *switches]
        ended = subprocess.run(command, input=names, capture_output=True, text=True, check=False)
        if ended.returncode not in (0, 1, 2):  # spam, ham, unsure
            raise FilterError(f"bogofilter: {ended.stderr.strip().partition(chr(10))[0] or ended.returncode}")
        return ended.stdout


def read_spamicity(said: str) -> dict[str, float]:
    """Read lines of file name, class and spamicity; a file that is taken for several messages counts by the worst."""
    found: dict[str, float] = {}
    for line in said.splitlines():
        name, _, number = line.rsplit(" ", 2)
        found[name] = max(float(number), found.get(name, 0.0))
    return found


def _batches(mail: Sequence[Mail]) -> Iterator[list[Mail]]:
    stream = iter(mail)
    while batch := list(islice(stream, _BATCH)):
        yield batch
