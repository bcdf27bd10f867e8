"""Fakes of the outside world, part of the product: for the tests of Gatepost and of whoever builds on it.

Each takes failures as data: a zone with names that time out, a scanner that is down, a jail that does not answer, a clock that is moved by hand.
"""

from __future__ import annotations

from gatepost.checks.attachments.unpacker import FakeUnpacker
from gatepost.world.clock import FakeClock
from gatepost.world.dns.fake import FakeDns, NoNetworkDns
from gatepost.world.jail.door import FakeJail
from gatepost.world.scanner.fake import FakeScanner
from gatepost.world.state.memory import MemoryState

__all__ = ["FakeClock", "FakeDns", "FakeJail", "FakeScanner", "FakeUnpacker", "MemoryState", "NoNetworkDns"]
