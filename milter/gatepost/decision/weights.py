"""The default weight of every evidence code that has one: points when the evidence is there with value 1.

Positive points speak for unwanted mail. A code that is not listed weighs nothing. The scale is set by the thresholds: 5
marks, 10 holds, 15 rejects, so that no single opinion but a virus reaches a refusal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WEIGHTS: Final[Mapping[str, float]] = {
    # Who sent it. A failure alone never marks a message: forwarders and lists break SPF and DKIM every day.
    "iprev.fail": 0.3,
    "iprev.permerror": 0.5,
    "spf.fail": 1.5,
    "spf.softfail": 0.5,
    "spf.permerror": 0.3,
    "dkim.fail": 0.3,
    "dkim.policy": 0.3,
    "dmarc.fail": 2.5,
    "dmarc.quarantine": 1.5,
    "dmarc.reject": 2.5,
    "dmarc.permerror": 2.5,
    # What it says. Spam and phish reach 5 where the error budget lets content alone mark, and their weight at ten times the odds.
    "content.spam": 7.5,
    "content.phish": 8.5,
    "content.ham": -2.0,
    "content.bulk": -1.0,
    "content.limit": 1.5,
    # How openly it is sent, if it is bulk mail. The signs themselves are features of the classifier and weigh there.
    "bulk.deceit": 0.5,
    "bulk.closed": 0.3,
    # What is attached.
    "virus.infected": 20.0,
    "virus.heuristic": 3.0,
    "mime.ambiguous": 4.0,
    "mime.partial": 1.0,
    "mime.external": 1.0,
    "mime.names": 2.0,
    # What is remembered.
    "rate.client-high": 1.0,
    "rate.sender-high": 1.0,
    "rate.login-high": 2.0,
    "sender.good": -3.0,
    "sender.bad": 4.0,
}
