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
    "attachment.executable": 4.0,
    "attachment.script": 4.0,
    "attachment.shortcut": 4.0,
    "attachment.weblink": 0.5,
    "attachment.image": 3.0,
    "attachment.onenote": 2.0,
    "attachment.mismatch": 4.0,
    "attachment.double-extension": 4.0,
    "attachment.hidden-extension": 4.0,
    "attachment.macro": 1.0,
    "attachment.autoopen": 4.0,
    "attachment.suspicious-macro": 3.0,
    "attachment.dde": 4.0,
    "attachment.template": 4.0,
    "attachment.external": 1.0,
    "attachment.remote-object": 4.0,
    "attachment.object": 2.0,
    "attachment.activex": 2.0,
    "attachment.equation": 6.0,
    "attachment.hidden-encryption": 4.0,
    "attachment.encrypted": 1.0,
    "attachment.decrypted": 1.5,
    "attachment.javascript": 0.5,
    "attachment.openaction": 1.0,
    "attachment.launch": 5.0,
    "attachment.submit": 0.5,
    "attachment.activehtml": 1.0,
    "attachment.active-drawing": 3.5,
    "attachment.smuggled": 5.0,
    "attachment.obfuscated": 4.0,
    "attachment.login-form": 2.5,
    "attachment.redirect": 2.0,
    "attachment.protocol": 3.0,
    "attachment.polyglot": 4.0,
    "attachment.ambiguous": 3.0,
    "attachment.traversal": 3.0,
    "attachment.unopened": 0.5,
    "attachment.limit": 1.0,
    "attachment.bomb": 5.0,
    "attached.spam": 7.5,
    "attached.phish": 8.5,
    "virus.infected": 20.0,
    "virus.heuristic": 3.0,
    # What is remembered.
    "rate.client-high": 1.0,
    "rate.sender-high": 1.0,
    "rate.login-high": 2.0,
    "sender.good": -3.0,
    "sender.bad": 4.0,
}
