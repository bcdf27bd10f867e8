"""The SPF suites once more, end to end: a real name server, the live resolver, the same results as from a map."""

from __future__ import annotations

from ipaddress import ip_address
from itertools import groupby

import pytest

from gatepost.checks.auth.spf import check_host
from gatepost.world import budget
from gatepost.world.clock import FakeClock, SystemClock
from gatepost.world.dns.live import LiveResolver, Settings
from support.dns_server import Faults, forwarded, real_dns
from support.suites_auth import SPF_EXCEPTIONS, SUITES, SpfCase, spf_cases

ALL = [case for suite in ("rfc7208", "rfc4408", "pyspf-extra") for case in spf_cases(suite)]
GROUPS = [list(cases) for _, cases in groupby(ALL, key=lambda case: id(case.dns))]


@pytest.mark.servers
@pytest.mark.parametrize("cases", GROUPS, ids=lambda cases: cases[0].name.partition(":")[0])
def test_results_from_a_real_server(cases: list[SpfCase]) -> None:
    """Every case gives the result that it accepts, those among them whose names time out."""
    dns = cases[0].dns
    faults = Faults(silent=dns._failing)
    with real_dns(dns._records) as upstream, forwarded(upstream, faults) as address:
        live = LiveResolver(Settings(servers=(address,), timeout_seconds=0.5, attempts=2))
        for case in cases:
            with budget.allowance(SystemClock(), 20):
                result = check_host(ip_address(case.ip), case.sender, case.helo, live, FakeClock())
            words = SPF_EXCEPTIONS.get(case.name, (case.results, ""))[0]
            assert (case.name, result.status) in [(case.name, word) for word in words]
    assert faults.seen


def test_the_suites_are_whole() -> None:
    """All cases of all three suites go over the wire, or the suites are not there at all."""
    assert len(ALL) == (203 + 191 + 16 if SUITES.is_dir() else 0)
