"""rspamd's Bayes in the accuracy benchmark: a private rspamd with that classifier and nothing else, and a Redis of its own.

The statistics are set up as rspamd ships them (word pairs of the OSB tokenizer, at least eleven tokens), but the first 200
messages count too. Learning is by its controller in the way it calls bulk: each message counts, also where the
classifier is sure of it already. The weight of the two symbols is large only because a score is printed with six digits behind
the point; divided by it again, the score lies between -1 (ham) and 1 (spam).
"""

from __future__ import annotations

import http.client
import json
import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Final

from bench.accuracy_filter import Done, Filter, FilterError, first_line
from bench.accuracy_mail import Mail
from support.private_server import PrivateServer
from support.redis_server import RedisServer

WEIGHT: Final = 1e12
_ACCOUNT: Final = "_rspamd"
_SECONDS: Final = 60.0
_CONNECTIONS: Final = 4
_BATCH: Final = 400

_SETTINGS: Final = """
options {{ pidfile = "{folder}/rspamd.pid"; tempdir = "{folder}"; filters = ""; disable_hyperscan = true;
  history_file = "{folder}/history"; dynamic_conf = "{folder}/dynamic"; url_tld = "{domains}";
  dns {{ nameserver = ["127.0.0.1:9"]; timeout = 0.1s; }} }}
logging {{ type = "file"; filename = "{log}"; level = "error"; }}
worker "controller" {{ bind_socket = "127.0.0.1:{port}"; count = 1; secure_ip = "127.0.0.1"; task_timeout = 60s; }}
metric {{ name = "default"; actions {{ reject = {limit}; }}
  symbol "BAYES_SPAM" {{ weight = {weight}; }}
  symbol "BAYES_HAM" {{ weight = -{weight}; }} }}
classifier "bayes" {{
  tokenizer {{ name = "osb"; }}
  cache {{ }}
  backend = "redis"; servers = "127.0.0.1:{redis}";
  new_schema = true; store_tokens = false; signatures = false; min_tokens = 11; min_learns = 1;
  statfile {{ symbol = "BAYES_HAM"; spam = false; }}
  statfile {{ symbol = "BAYES_SPAM"; spam = true; }}
}}
"""


class RspamdServer(PrivateServer):
    """One rspamd: its main process, and the controller that answers over HTTP."""

    name = "rspamd"

    def __init__(self, folder: Path, redis: int) -> None:
        """Take an existing folder and the port of its Redis; as root, rspamd runs under the account of its package."""
        super().__init__(folder)
        self.settings = folder / "rspamd.conf"
        text = _SETTINGS.format(
            folder=folder,
            log=self.log,
            port=self.port,
            redis=redis,
            weight=f"{WEIGHT:.0f}",
            limit=f"{WEIGHT * 1000:.0f}",
            domains="/usr/share/rspamd/effective_tld_names.dat",
        )
        self.settings.write_text(text)
        self.account = _ACCOUNT if os.geteuid() == 0 else ""
        if self.account:
            shutil.chown(folder, pwd.getpwnam(self.account).pw_uid)

    def command_line(self) -> list[str]:
        """Give the command; it stays in the foreground."""
        account = ["-u", self.account, "-g", self.account] if self.account else []
        return ["rspamd", "--no-fork", *account, "-c", str(self.settings)]

    def answers(self) -> bool:
        """Say whether the controller accepts connections."""
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1.0).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """End it by SIGTERM, which takes its workers along, and by SIGKILL where that does not help."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                super().kill()
            self.process = None


class Rspamd(Filter):
    """A private rspamd, and four connections at a time to it."""

    name: ClassVar[str] = "rspamd"
    cutoff: ClassVar[float] = 1e-9  # above 0 the symbol is BAYES_SPAM

    def __init__(self, folder: Path) -> None:
        """Start Redis and rspamd."""
        super().__init__(folder)
        self.redis = RedisServer(folder).start()
        self.server = RspamdServer(folder, self.redis.port)
        try:
            self.server.start()
        except AssertionError as error:
            self.close()
            raise FilterError(f"rspamd did not start: {error}") from error

    @classmethod
    def version(cls) -> str:
        """Give the version, `rspamd 3.4`; "" where rspamd or redis-server is missing."""
        if shutil.which("redis-server") is None:
            return ""
        return first_line("rspamd", "--version").replace("Rspamd daemon version", "rspamd")

    def train(self, mail: Sequence[Mail], done: Done) -> None:
        """Learn each message once; one that rspamd refuses (too short, or learned before) is not learned."""
        for each in self._answers([("/learnspam" if each.unwanted else "/learnham", each) for each in mail]):
            read_learned(each)
            done(1)

    def score(self, mail: Sequence[Mail], done: Done) -> list[float]:
        """Ask for the score of each message; without an opinion it is 0."""
        scores = []
        for each in self._answers([("/checkv2", each) for each in mail]):
            scores.append(read_score(each))
            done(1)
        return scores

    def close(self) -> None:
        """Stop both servers."""
        self.server.kill()
        self.redis.kill()

    def _answers(self, questions: list[tuple[str, Mail]]) -> Iterator[bytes]:
        """Ask in batches, so that no answer waits for long, and give the answers in order."""
        stream = iter(questions)
        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            while batch := list(islice(stream, _BATCH)):
                yield from pool.map(self._asked, batch)

    def _asked(self, question: tuple[str, Mail]) -> bytes:
        """Send one message and give the body of the answer; a refusal has one too."""
        verb, mail = question
        line = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=_SECONDS)
        try:
            line.request("POST", verb, mail.path.read_bytes(), {"Learn-Type": "bulk"})
            return line.getresponse().read()
        except (OSError, http.client.HTTPException) as error:
            raise FilterError(f"rspamd did not answer {verb}: {error}") from error
        finally:
            line.close()


def read_learned(said: bytes) -> bool:
    """Read the answer to a message to learn: whether it was learned. Raises FilterError where it is no answer."""
    return bool(_object(said).get("success", False))


def read_score(said: bytes) -> float:
    """Read the score of a message from -1 to 1; 0 where neither symbol was set. Raises FilterError likewise."""
    symbols = _object(said).get("symbols", {})
    return sum(float(each["score"]) for name, each in symbols.items() if name.startswith("BAYES_")) / WEIGHT


def _object(said: bytes) -> dict[str, Any]:
    """Read one JSON object. rspamd may quote bytes of the message that are no UTF-8."""
    try:
        found = json.loads(said.decode("utf-8", "replace"), strict=False) if said else {}
    except ValueError as error:
        raise FilterError(f"rspamd gave no JSON: {said[:80]!r}") from error
    return found if isinstance(found, dict) else {}
