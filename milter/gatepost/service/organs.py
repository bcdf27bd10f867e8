"""What the parts of a site say about themselves: the lines of `gatepost run`, and what `gatepost status` asks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from gatepost.arrival.settings import Listen
from gatepost.checks.content import family as content
from gatepost.service import logs, places, scanning
from gatepost.service.config import Config, Loaded
from gatepost.service.doors import AssemblyError, Doors, live_doors, site_state
from gatepost.service.organ import Organ
from gatepost.service.remembering import list_trouble
from gatepost.world.budget import allowance
from gatepost.world.clock import Clock, SystemClock
from gatepost.world.dns.door import Question, RecordType, TempFailure
from gatepost.world.state.door import Put, Recall, State
from gatepost.world.state.keys import domain_key, key
from gatepost.world.state.memory import MemoryState
from gatepost.world.state.opening import state_file

_POSTFIX_QUEUE: Final = Path("/var/spool/postfix")
_PROBE_SECONDS: Final = 1.0
"""How long a start waits to learn whether the resolver answers."""


def look(loaded: Loaded) -> tuple[Doors, Organ]:
    """Give the doors of a site to somebody who only looks, and how its state store is. Makes no state file, never raises.

    Memory takes the place of a store that is not there yet or cannot be opened.
    """
    config, clock = loaded.config, SystemClock()
    file = state_file(config.state, places.state_directory() / "state.sqlite")
    state: State = MemoryState(clock)
    organ = Organ(f"sqlite at {file} (nothing stored yet)", well=True)
    try:
        if file is None or file.exists():
            state = site_state(config, places.state_directory(), clock)
            organ = state_organ(state, clock)
    except AssemblyError as error:
        organ = Organ(str(error), well=False)
    except OSError as error:  # a folder on the way that only others may enter
        organ = Organ(f"{file}: {error.strerror}", well=False)
    return live_doors(config, clock, state), organ


def organs(loaded: Loaded, doors: Doors) -> Iterable[str]:
    """Give one line for people on each organ: is it live, and where."""
    config = loaded.config
    yield f"config      {loaded.path or 'built-in defaults'} (version {loaded.version})"
    beside = f" (without effect beside it: {config.classifier.shadow})" if config.classifier.shadow else ""
    yield f"model       {content.find_model(config.classifier.model).name}{beside}"
    yield f"classifier  {content.marks(config.classifier).said(config.classifier.max_false_positive_rate)}"
    yield f"resolver    {resolver_organ(config, doors).text}"
    yield f"clamd       {scanning.clamd_organ(config.virus, doors.scanner).text}"
    if doors.second is not None:
        yield f"second      {scanning.second_organ(doors.second).text}"
    yield from (f"warning     {line}" for line in scanning.warnings(config.virus, doors.scanners, doors.clock.now()))
    yield f"state       {_store(config, doors)}"
    for name, organ in list_organs(config, doors):
        yield f"dns list    {name}: {organ.text}"
    yield "for Postfix, in main.cf:"
    yield f"  smtpd_milters = {_for_postfix(config.milter.address)}"


def _for_postfix(address: Listen) -> str:
    """Give the address as Postfix needs it: below its queue directory a socket's path is the same in smtpd's chroot and out of it."""
    path = Path(address.path)
    return f"unix:{path.relative_to(_POSTFIX_QUEUE)}" if path.is_relative_to(_POSTFIX_QUEUE) else str(address)


def _store(config: Config, doors: Doors) -> str:
    """Say where the state is kept, and of a Redis whether it answers.

    It is asked through a door of its own: what the workers will use stays unconnected until they are forked.
    """
    directory = places.state_directory()
    if state_file(config.state, directory / "state.sqlite") is not None:
        return doors.state.backend
    state = site_state(config, directory, doors.clock)
    try:
        with logs.quiet():
            return state_organ(state, doors.clock).text
    finally:
        state.close()


def resolver_organ(config: Config, doors: Doors) -> Organ:
    """Say which resolvers are asked, and whether one answers at all: any answer but trouble will do."""
    servers = ", ".join(config.dns.servers) or "the system resolvers"
    with allowance(doors.clock, _PROBE_SECONDS):
        reached = doors.resolver.ask(Question("localhost", RecordType.A))
    if isinstance(reached, TempFailure):
        return Organ(f"{servers} (no answer: {reached.reason}; authentication is temperror until it does)", well=False)
    return Organ(servers, well=True)


def list_organs(config: Config, doors: Doors) -> Iterable[tuple[str, Organ]]:
    """Say of each DNS list in use, by its name, whether it answers this resolver."""
    for listed in config.dnslists.active:
        with allowance(doors.clock, _PROBE_SECONDS):
            trouble = list_trouble(listed, doors.resolver)
        yield listed.title, Organ(trouble or "answers", well=not trouble)


def state_organ(state: State, clock: Clock) -> Organ:
    """Say where the state is kept, and whether it answers and takes what is new: a store may be full, or only a replica."""
    with allowance(clock, _PROBE_SECONDS):
        state.exchange([Recall(domain_key("probe.invalid")), Put(key("probe", "status"), b"", 60)])
    return Organ(state.backend, well=not state.degraded())
