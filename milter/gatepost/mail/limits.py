"""Every number that an outsider could otherwise choose: its value, its source, and what happens past it.

Checks import these by name; nothing else in the tree holds a bare size limit for hostile input.
"""

from __future__ import annotations

from typing import Final

# --- message as a whole -------------------------------------------------------------------------------------------
MESSAGE_BYTES: Final = 32 * 1024 * 1024
"""Bytes of header and body kept of one message (Postfix's own default limit is 10 MB). Past it the rest is not kept,
`Message.truncated` is set, and no signature over the body can be judged."""

HEADER_FIELDS: Final = 2_000
"""Header fields kept (real mail stays under 200). Past it further fields are not kept and the message is truncated."""

HEADER_BYTES: Final = 1024 * 1024
"""Bytes of all header fields together (Postfix: header_size_limit 102,400 each). Past it as HEADER_FIELDS."""

RECIPIENTS: Final = 1_000
"""Recipients kept of one envelope (RFC 5321 4.5.3.1.8 asks for 100, Postfix allows 1,000). Past it they still receive
the mail; the verdict is reached on the first thousand."""

ENVELOPE_BYTES: Final = 4_096
"""Bytes kept of HELO or of one path with its parameters (RFC 5321 4.5.3.1.3: 256 octets). Past it the text is cut."""

# --- addresses ----------------------------------------------------------------------------------------------------
FROM_BYTES: Final = 32 * 1024
"""Bytes of a From field that the author parser reads. A longer field is reported as malformed, never guessed at."""

MAILBOXES: Final = 100
"""Mailboxes read from one address field. More are reported as `ambiguous`."""

DOMAIN_OCTETS: Final = 253
"""A domain name in its textual form (RFC 1035 2.3.4). Longer ones are not domains."""

# --- MIME ---------------------------------------------------------------------------------------------------------
MIME_DEPTH: Final = 32
"""Nesting of multipart and message/rfc822 that is opened. Deeper parts stay closed and `depth-limit` is a defect."""

MIME_PARTS: Final = 1_000
"""Parts opened in one message. Past it the rest stays closed and `parts-limit` is a defect."""

PART_HEADER_BYTES: Final = 64 * 1024
"""Bytes of one part's own header block. Past it the block ends there and `part-header-limit` is a defect."""

PART_HEADER_FIELDS: Final = 200
"""Fields of one part's own header block; past it as PART_HEADER_BYTES."""

DECODED_BYTES: Final = 32 * 1024 * 1024
"""Decoded bytes given out for all parts of one message together. Past it payloads come back cut."""

PARAMETERS: Final = 64
"""Parameters read from one Content-Type or Content-Disposition field. The rest are ignored."""

BOUNDARY_BYTES: Final = 500
"""Bytes of a MIME boundary (RFC 2046 5.1.1 allows 70; real mailers exceed it). A longer one is treated as absent."""

# --- text ---------------------------------------------------------------------------------------------------------
HEADER_TEXT_BYTES: Final = 16 * 1024
"""Bytes of one header value that are decoded for reading (encoded words, features). The rest is not read."""

TEXT_BYTES: Final = 256 * 1024
"""Bytes of visible text that are read for classification, over all parts. The rest does not count."""

HTML_BYTES: Final = 512 * 1024
"""Bytes of one HTML part that are parsed. The rest is not read."""

TOKENS: Final = 20_000
"""Tokens of one message that are scored. The rest do not count."""

URLS: Final = 200
"""URLs of one message that are looked at. The rest are counted and not read."""

# --- authentication -----------------------------------------------------------------------------------------------
DKIM_SIGNATURES: Final = 8
"""DKIM-Signature fields that are verified, from the top (RFC 6376 8.4 warns of many). The rest are reported unread."""

ARC_SETS: Final = 50
"""ARC sets (RFC 8617 4.2.1: instance 1 to 50). More make the chain fail."""

DNS_LOOKUPS: Final = 60
"""DNS questions one message may cause beyond the cache, over all checks (SPF alone may ask 10, with its MX hosts more).
Past it further questions are answered as a temporary failure."""

RSA_KEY_BITS_MIN: Final = 1024
"""RSA keys shorter than this never authenticate (RFC 8301 3.2)."""

RSA_KEY_BITS_MAX: Final = 8192
"""RSA keys longer than this are not computed with: their cost is the sender's choice (RFC 8301 asks for 4096)."""

# --- output -------------------------------------------------------------------------------------------------------
DETAIL_CHARACTERS: Final = 300
"""Characters of an evidence sentence, wherever it is shown. The rest is cut with an ellipsis."""

HEADER_VALUE_CHARACTERS: Final = 4_000
"""Characters of one header that Gatepost adds, before folding. The rest is cut."""
