"""How a reader can stop a mailing: List-Unsubscribe (RFC 2369) and its one-click form (RFC 8058).

The sender of bulk mail names addresses that end it, each in angle brackets: a web page, a mailbox, or both. A mail program
shows them as a button. With `List-Unsubscribe-Post: List-Unsubscribe=One-Click` beside it the web address takes a bare POST
and asks nothing more. Anybody can write these fields, so they prove nothing by themselves; `bulk.py` asks who wrote them.

Nothing is fetched here: that an address is in order does not say that somebody listens there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from gatepost.mail import limits
from gatepost.mail.address import parse_path
from gatepost.mail.domain import normal_domain
from gatepost.mail.message import Message

# RFC 2369 2: addresses in angle brackets, between them commas and comments. The next one is found or the reading ends.
_NEXT: Final = re.compile(rb"(?:[\s,]|\((?:[^()\\]|\\.){0,500}+\))*+<([^<>]{1,3000})>", re.DOTALL)
_SPACE: Final = re.compile(rb"\s")
# A host and no user name before it, and none of what browsers take for a slash (RFC 3986 3.2, WHATWG URL).
_HTTPS: Final = re.compile(r"https://([^/?#@:\\\[\]]{1,254})(?::\d{1,5})?(?=[/?#]|\Z)", re.IGNORECASE)
_MAILTO: Final = re.compile(r"mailto:([^?]{1,500})", re.IGNORECASE)
_PLAIN: Final = re.compile(rb"[!-~]+")
_ONE_CLICK: Final = b"list-unsubscribe=one-click"


@dataclass(frozen=True, slots=True)
class WayOut:
    """The hosts that a List-Unsubscribe field names: of its first web address (https), of its first mailbox; "" for none.

    `one_click` says that the web address takes a POST (RFC 8058). `fault` is half a sentence where nothing can be used.
    """

    https: str = ""
    mailto: str = ""
    one_click: bool = False
    fault: str = ""


def way_out(message: Message) -> WayOut | None:
    """Read how to unsubscribe; None where the message does not say. Never raises; linear in the field's length.

    Two fields (RFC 2369 3.2 allows one), one beyond limits.LIST_FIELD_BYTES, or one without an https or mailto address in
    order is a fault: plain http is read by whoever stands in between, and other schemes no button follows.
    """
    fields = message.every(b"list-unsubscribe")
    if not fields:
        return None
    if len(fields) > 1:
        return WayOut(fault=f"it has {len(fields)} List-Unsubscribe fields")
    if len(fields[0].value) > limits.LIST_FIELD_BYTES:
        return WayOut(fault="its List-Unsubscribe field is too long")
    https = mailto = ""
    for address in _addresses(fields[0].value):
        https = https or _web_host(address)
        mailto = mailto or _mail_host(address)
    if not (https or mailto):
        return WayOut(fault="its List-Unsubscribe field names no usable address")
    return WayOut(https, mailto, bool(https) and _takes_post(message))


def _addresses(value: bytes) -> Iterator[str]:
    """Give the addresses of a field in their order; white space inside the brackets does not count (RFC 2369 2)."""
    position = 0
    while match := _NEXT.match(value, position):
        address = _SPACE.sub(b"", match[1])
        if _PLAIN.fullmatch(address):
            yield address.decode("ascii")
        position = match.end()


def _web_host(address: str) -> str:
    """Give the host of an https address, or "": a name with a dot in it, and no IP address."""
    match = _HTTPS.match(address)
    return _public(normal_domain(match[1])) if match else ""


def _mail_host(address: str) -> str:
    """Give the domain of a mailto address (RFC 6068), or "" where it is not one mailbox."""
    match = _MAILTO.match(address)
    mailbox = parse_path(unquote_to_bytes(match[1])) if match else None
    return _public(mailbox.domain) if mailbox else ""


def _public(host: str) -> str:
    """Give a name back if it can be one of the public DNS."""
    return host if "." in host else ""


def _takes_post(message: Message) -> bool:
    """Say whether the one-click field stands there, once, with its one value (RFC 8058 3.1)."""
    fields = message.every(b"list-unsubscribe-post")
    if len(fields) != 1 or len(fields[0].value) > limits.LIST_FIELD_BYTES:
        return False
    return _SPACE.sub(b"", fields[0].value).lower() == _ONE_CLICK
