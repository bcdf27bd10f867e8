"""The RFC 7208 suite once more, end to end: a real name server, the live resolver, the same results as from a map."""

from __future__ import annotations

from ipaddress import ip_address
from itertools import groupby

import pytest

from gatepost.checks.auth.spf import check_host
from gatepost.world.clock import FakeClock
from gatepost.world.dns.live import LiveResolver, Settings
from gatepost.world.dns.names import normal_name
from support.dns_server import real_dns
from support.suites_auth import SpfCase, spf_cases

GROUPS = [list(cases) for _, cases in groupby(spf_cases(), key=lambda case: id(case.dns))]


@pytest.mark.servers
@pytest.mark.parametrize("cases", GROUPS, ids=lambda cases: cases[0].name.partition(":")[0])
def test_results_from_a_real_server(cases: list[SpfCase]) -> None:
    """Every case whose zone a server can hold gives the result that it accepts."""
    dns = cases[0].dns
    with real_dns(dns._records) as address:
        live = LiveResolver(Settings(servers=(address,)))
        for case in cases:
            if not _fails(case):
                result = check_host(ip_address(case.ip), case.sender, case.helo, live, FakeClock())
                assert (case.name, result.status) in [(case.name, word) for word in case.results]


def _fails(case: SpfCase) -> bool:
    """Say whether a case needs a name that times out, which this server cannot do."""
    case.dns.asked.clear()
    check_host(ip_address(case.ip), case.sender, case.helo, case.dns, FakeClock())
    return any(normal_name(question.name) in case.dns._failing for question in case.dns.asked)
