"""pyspf as it comes, with its DNS answered from a map: what our own reading of records is compared with."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import spf

from gatepost.world.dns.door import Question, Records, RecordType, TempFailure
from gatepost.world.dns.fake import FakeDns


def plain_spf(dns: FakeDns, ip: str, sender: str, helo: str = "mx.example.net") -> tuple[str, str]:
    """Give pyspf's result, and the mechanism that matched or ""."""

    def lookup(name: str, kind: str, *_rest: object) -> list[tuple[tuple[str, str], Any]]:
        match dns.ask(Question(name, RecordType(kind))):
            case Records(records):
                return [((name, kind), (bytes(each),) if kind == "TXT" else each) for each in records]
            case TempFailure(reason):
                raise spf.TempError(reason)
            case _:
                return []

    with patch.object(spf, "DNSLookup", lookup):
        query = spf.query(i=ip, s=sender, h=helo)
        return query.check()[0], query.mechanism or ""
