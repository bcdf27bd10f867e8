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
    # What is remembered.
    "rate.client-high": 1.0,
    "rate.network-high": 0.5,
    "rate.sender-high": 1.0,
    "rate.login-high": 2.0,
    "rate.recipient-high": 0.5,
    "sender.good": -3.0,
    "sender.bad": 4.0,
    "reputation.helo-bad": 1.5,
    "reputation.link-bad": 2.0,
    "reputation.file-bad": 3.0,
    "correspondent.reply": -4.0,
    "correspondent.known": -3.0,
    "campaign.burst": 1.5,
    "campaign.labelled-spam": 3.0,
    "campaign.labelled-ham": -2.0,
    # What DNS lists say, scaled by the share that the config gives an answer.
    "dnslist.address": 2.5,
    "dnslist.domain": 3.0,
    "dnslist.link": 3.0,
    "dnslist.welcome": -2.0,
}
