"""The virus scanner door over ICAP (RFC 3507): the bytes go as the body of an HTTP answer that the service may change.

RESPMOD with `Allow: 204`: a service that has no objection says 204, one that objects says 200 with a page of its own, and
names what it found in X-Infection-Found, X-Virus-ID or X-Violations-Found (draft-stecher-icap-subid-00; every scanner has one
of them). A page without any name is an objection if its HTTP status is an error; if the content comes back as it was there
was none; anything else is not understood, which is never clean.

204 says no more than "no objection". Some services give it for content that they did not read (c-icap's virus_scan does for
what is larger than its MaxObjectSize), so their limits have to be set to ours.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Final

from gatepost.mail import limits
from gatepost.world import budget
from gatepost.world.clock import Clock, SystemClock
from gatepost.world.scanner.clamd_answer import named
from gatepost.world.scanner.door import (
    Clean,
    Engine,
    Infected,
    OverLimit,
    Scan,
    ScanFailed,
    Stream,
    TimedOut,
    Unreachable,
    one_line,
)
from gatepost.world.scanner.icap_wire import IcapAnswer, IcapError, exchange, options, respmod, threat
from gatepost.world.scanner.patience import Patience
from gatepost.world.scanner.settings import Settings, parse_icap

_ASK_SECONDS: Final = 1.0
"""How long a living service may take to answer OPTIONS."""

_LEAST_SECONDS: Final = 0.1
_HEARD_SECONDS: Final = 60.0
_UNNAMED: Final = "an ICAP service's objection"


class IcapScanner:
    """The scanner door over one ICAP service; a connection for each scan. Takes settings with an `icap`. Never raises."""

    name: Final = "icap"

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._host, self._port, self._path = parse_icap(settings.icap)
        self._authority = f"[{self._host}]:{self._port}" if ":" in self._host else f"{self._host}:{self._port}"
        self._clock = clock or SystemClock()
        self._patience = Patience(settings.retry_seconds, self._clock)
        self._heard: tuple[float, Engine] | None = None

    @property
    def max_bytes(self) -> int:
        """[virus] max_bytes."""
        return self._settings.max_bytes

    def scan(self, data: bytes) -> Scan:
        """Give the service's answer on these bytes within the message's budget."""
        if len(data) > self.max_bytes:
            return OverLimit(f"the limit of {self.max_bytes:,} bytes")
        if (away := self._patience.away) is not None:
            return away
        if self._patience.suspect and not self._engine().version:
            return self._patience.note(Unreachable("the ICAP service does not answer"), gone=True)
        seconds = min(self._settings.timeout_seconds, budget.current().remaining())
        if seconds <= 0:
            return TimedOut("no time left for the virus scan")
        line: socket.socket | None = None
        try:
            line = socket.create_connection((self._host, self._port), min(seconds, self._settings.connect_seconds))
            answer = exchange(line, respmod(self._authority, self._path, data), len(data), seconds)
        except IcapError as error:
            return ScanFailed(one_line(error))
        except TimeoutError:
            late = TimedOut("the ICAP service did not finish in time")
            return self._patience.note(late if line else Unreachable("no connection in time"), gone=line is None)
        except (OSError, ValueError) as error:
            return self._patience.note(Unreachable(one_line(error)), gone=line is None)
        finally:
            if line is not None:
                line.close()
        self._patience.well()
        if self._heard and not self._heard[1].version:
            self._heard = None
        return self._read(answer, data)

    def _read(self, answer: IcapAnswer, data: bytes) -> Scan:
        """Tell the service's answers apart (RFC 3507 4.3.3)."""
        match answer.status:
            case 204:
                # Set to watch alone, some services name what they found and let it pass.
                return named(name, self._settings.heuristics) if (name := threat(answer.fields)) else Clean()
            case 413:
                return OverLimit("the ICAP service's limit")
            case 503:
                return self._patience.note(Unreachable("the ICAP service is overloaded (503)"), gone=False)
            case 200:
                return self._objection(answer, data)
            case status:
                return ScanFailed(f"the ICAP service answered {status}")

    def _objection(self, answer: IcapAnswer, data: bytes) -> Scan:
        name = threat(answer.fields)
        if name:
            return named(name, self._settings.heuristics)
        if answer.http_status >= 400:
            return Infected(_UNNAMED)
        if answer.http_status == 200 and answer.body == data:
            return Clean()
        return ScanFailed("the ICAP service changed the content without saying why")

    def _engine(self) -> Engine:
        """Ask the service for its OPTIONS (RFC 3507 4.10): its name, and the ISTag that changes with its database."""
        place, line = f"icap://{self._authority}{self._path}", None
        found = Engine(place)
        seconds = max(_LEAST_SECONDS, min(_ASK_SECONDS, budget.current().remaining()))
        with suppress(OSError, ValueError, IcapError):
            line = socket.create_connection((self._host, self._port), seconds)
            answer = exchange(line, options(self._authority, self._path), 0, seconds)
            if answer.status == 200:
                version = answer.fields.get("service", "an ICAP service")
                found = Engine(place, version[: limits.VIRUS_SIGNATURE_CHARACTERS], answer.fields.get("istag", ""))
        if line is not None:
            line.close()
        self._heard = (self._clock.monotonic() + _HEARD_SECONDS, found)
        return found

    def engines(self) -> tuple[Engine, ...]:
        """Ask the service what it is."""
        return (self._engine(),)

    def heard(self) -> tuple[Engine, ...]:
        """Give what it said of itself within the last minute."""
        heard = self._heard
        if heard and self._clock.monotonic() < heard[0]:
            return (heard[1],)
        return self.engines() if self._patience.trusted else ()

    def begin(self) -> Stream | None:
        """Give None: an ICAP service is asked when all is there."""
        return None
