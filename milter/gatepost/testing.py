"""Fakes of the outside world, part of the product: for the tests of Gatepost and of whoever builds on it."""

from __future__ import annotations

from gatepost.world.clock import FakeClock
from gatepost.world.dns.fake import FakeDns, NoNetworkDns, ZoneError

__all__ = ["FakeClock", "FakeDns", "NoNetworkDns", "ZoneError"]
