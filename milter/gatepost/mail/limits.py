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
"""Header fields kept (real mail stays under 200). Past it no further fields are kept and the message is truncated, but for From and for
the names of fields that must be removed (RFC 8601 5): a sender who fills the header hides neither."""

HEADER_BYTES: Final = 1024 * 1024
"""Bytes of all header fields together (Postfix: header_size_limit 102,400 each). Past it as HEADER_FIELDS."""

LATE_AUTHORS: Final = 2
"""From fields kept past HEADER_FIELDS or HEADER_BYTES, each up to what is read of one. More than one are ambiguous anyway."""

FORGED_FIELDS: Final = 2_000
"""Names of fields to be removed that are kept past HEADER_FIELDS or HEADER_BYTES. A message with more is refused: it could not be
cleaned."""

FIELD_NAME_BYTES: Final = 998
"""Bytes of such a name (a line's length, RFC 5322 2.1.1). A longer one counts as FORGED_FIELDS passed."""

MAILBOX_UNPACK_RATIO: Final = 200
"""How many times its own size a compressed mailbox, message file or pack may unpack to, beyond MESSAGE_BYTES (mail packs 3 to 30
times; gzip cannot pass 1,032). One that grows further is refused: it takes the time of what it unpacks to."""

MAILBOX_UNPACK_MEMORY: Final = 256 * 1024 * 1024
"""Bytes of memory that the xz stream of such a file may ask for (`xz -9` asks for 65 MB). One that asks for more is refused."""

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

ENCODED_WORD_BYTES: Final = 1_000
"""Characters of one token with an encoded word in a From field (RFC 2047 2 allows 75). Past it the field is malformed,
because an address could hide in what is not read."""

DOMAIN_OCTETS: Final = 253
"""A domain name in its textual form (RFC 1035 2.3.4). Longer ones are not domains."""

# --- MIME ---------------------------------------------------------------------------------------------------------
MIME_DEPTH: Final = 32
"""Nesting of multipart and message/rfc822 that is opened. Deeper parts stay closed, `depth-limit` is a defect, and the message is
`mime.ambiguous`."""

MIME_PARTS: Final = 1_000
"""Parts opened in one message. Past it the rest stays closed, `parts-limit` is a defect, and the message is `mime.ambiguous`."""

PART_HEADER_BYTES: Final = 64 * 1024
"""Bytes of one part's own header block. Past it the block ends there, `part-header-limit` is a defect, and the message
is `mime.ambiguous`."""

PART_HEADER_FIELDS: Final = 200
"""Fields of one part's own header block; past it as PART_HEADER_BYTES."""

PARTS_HEADER_BYTES: Final = 2 * 1024 * 1024
"""Bytes of the header blocks of all parts of one message together (real mail stays under 200 kB). Past it the fields of
further parts are not read, which makes those parts plain text; `part-header-limit` is a defect, and the message is
`mime.ambiguous`."""

DECODED_BYTES: Final = 32 * 1024 * 1024
"""Decoded bytes given out for all parts of one message together. Past it payloads come back cut, and the message is
`mime.ambiguous`."""

PARAMETERS: Final = 64
"""Parameters read from one Content-Type or Content-Disposition field. The rest are not read, and the message is
`mime.ambiguous`."""

NAMING_FIELD_BYTES: Final = 16 * 1024
"""Bytes of a Content-Type, Content-Disposition or Content-Transfer-Encoding field that are read. Past it as PARAMETERS."""

EMBEDDED_FILES: Final = 100
"""Uuencoded and yEnc files that are decoded out of one text, and files out of one TNEF container with those in it. The rest are
not opened, and the message is `mime.ambiguous`."""

TNEF_DEPTH: Final = 8
"""TNEF containers within each other that are opened: messages that were forwarded. Past it as EMBEDDED_FILES."""

BOUNDARY_READINGS: Final = 40
"""Boundaries that one Content-Type may be taken to name, where it does not say plainly, and places in it that may name one. Past
it as ALTERNATIVES. Also boundaries that the lines of one text may stand for; the rest are not tried."""

DOUBTFUL_LINES: Final = 100_000
"""Lines of one message that are looked at one by one, as delimiters that nobody declared or as fields that some client may see
there. Past it as ALTERNATIVES."""

ALTERNATIVES: Final = 64
"""Trees that an odd message is read as beside the usual one. A message that could be read in more ways is `mime.ambiguous`."""

ALTERNATIVE_BYTES: Final = 64 * 1024 * 1024
"""Bytes that all those trees are read from, together. Past it as ALTERNATIVES."""

DELIMITERS: Final = 20_000
"""Places in one multipart that look like its delimiter, in lines and within them. A multipart with more is not cut in other
ways; past as many lines that begin as it and are none what follows is not cut at all, and `delimiter-limit` is a defect. The
message is `mime.ambiguous`."""

READINGS_KEPT_BYTES: Final = 1024 * 1024
"""Body bytes up to which the readings of a message are kept between the checks that go through them. Those of a larger one
are made anew for each, so that no more than one of them is held at a time."""

UNSURE_BYTES: Final = 8 * 1024 * 1024
"""Bytes of all bodies of one message in broken base64 or quoted-printable that are decoded in every known way. What is more is
decoded in the usual way and in one other; where it is a file, the message is `mime.ambiguous`."""

FILE_NAMES: Final = 16
"""File names that the fields of one part may give it. Past it as PARAMETERS."""

QUOTED_PARTS: Final = 8
"""Parts that one text quotes, fields and all, and that are decoded to be scanned. The rest are text."""

TNEF_ATTRIBUTES: Final = 20_000
"""Attributes read of one TNEF container (an attachment has five or six). Past it as EMBEDDED_FILES."""

TNEF_PROPERTIES: Final = 1_000
"""Values of MAPI properties read of one attachment in a TNEF container. Past it as EMBEDDED_FILES."""

BOUNDARY_BYTES: Final = 1_000
"""Bytes of a MIME boundary (RFC 2046 5.1.1 allows 70; real mailers exceed it). A longer one is treated as absent."""

# --- text ---------------------------------------------------------------------------------------------------------
HEADER_TEXT_BYTES: Final = 16 * 1024
"""Bytes of one header value that are decoded for reading (encoded words, features). The rest is not read."""

TEXT_BYTES: Final = 256 * 1024
"""Bytes of visible text that are read for classification, over all parts. The rest does not count."""

HTML_BYTES: Final = 512 * 1024
"""Bytes of HTML that are parsed, over all parts. The rest is not read."""

HTML_TAGS: Final = 10_000
"""Tags of HTML that are built into a tree, over all parts (real newsletters stay under 5,000). Building is quadratic in
the depth: measured 0.16 s for 10,000 open elements, 18 s for 100,000. Past it tags are stripped without a tree."""

HTML_WORDS: Final = 12_000
"""Words, slashes and quoted values in HTML that is built into a tree: no tag can hold more attributes than that, and the
parser is quadratic in the attributes of one tag (measured 0.27 s for 12,000, 4 s for 50,000). Real newsletters stay under
11,000. Past it as HTML_TAGS."""

TOKENS: Final = 20_000
"""Tokens of one message that are scored. The rest do not count."""

URLS: Final = 200
"""URLs of one message that are looked at. The rest are counted and not read."""

# --- authentication -----------------------------------------------------------------------------------------------
DKIM_SIGNATURES: Final = 8
"""DKIM-Signature fields that are verified (RFC 6376 8.4 warns of many): those whose domain is nearest to the author's, then from the
top. The rest are counted."""

DKIM_FIELDS: Final = 50
"""DKIM-Signature fields that are read to choose those, from the top."""

ARC_SETS: Final = 50
"""ARC sets (RFC 8617 4.2.1: instance 1 to 50). More make the chain fail."""

DKIM_FIELD_BYTES: Final = 16 * 1024
"""Bytes of one DKIM-Signature, ARC-Seal or ARC-Message-Signature field that is judged (real ones stay under 4 kB). A
longer one is a permanent error."""

DKIM_SIGNED_NAMES: Final = 500
"""Names in a signature's h= list. Past it the signature is a permanent error, so that selecting fields stays cheap."""

DKIM_KEY_BYTES: Final = 8 * 1024
"""Bytes of a DKIM key record (an RSA key of 8192 bits takes 1.5 kB). A longer one is no key."""

RSA_EXPONENT_MAX: Final = 2**32
"""RSA public exponents above it are not computed with (65537 is the rule): their cost is the sender's choice."""

ARC_OPTIONAL_SETS: Final = 5
"""Chains of at most so many sets have their older message signatures verified too, for `header.oldest-pass`
(RFC 8617 5.2 makes it optional). Longer chains do without."""

AUTH_RESULTS_BYTES: Final = 16 * 1024
"""Bytes of one Authentication-Results field that is read (real ones stay under 4 kB). A longer one says nothing."""

AUTH_RESULTS: Final = 100
"""Results read from one Authentication-Results field. The rest are not read."""

LIST_FIELD_BYTES: Final = 4 * 1024
"""Bytes of a List-Id, List-Post or List-Unsubscribe field that are read. A longer one names no list and no way out."""

FORESEEN_FIELDS: Final = 16
"""From and DKIM-Signature fields of one message whose DNS questions are asked while the body still comes. The rest are
asked when their turn comes."""

IPREV_NAMES: Final = 10
"""Reverse names of one client that are looked up again (RFC 7208 5.5 has the same limit). The rest do not count."""

DMARC_IDENTIFIERS: Final = 10
"""Authenticated domains compared with the author's by a tree walk each. The rest do not count as aligned unless they
equal the author's domain."""

SPF_RECORD_BYTES: Final = 8 * 1024
"""Bytes of one SPF record (RFC 7208 3.4 recommends to stay below 512). A longer one is a permanent error."""

SPF_TERM_BYTES: Final = 512
"""Bytes of one term of an SPF record, and of an explanation: a domain name has 253, and every macro costs an expansion. A
longer term is a permanent error, a longer explanation is not read."""

DNS_ANSWER_RECORDS: Final = 500
"""Records read from one DNS answer. A larger answer is a temporary failure: half of it would be a different answer."""

DNS_ANSWER_BYTES: Final = 32 * 1024
"""Bytes of record data kept of one DNS answer; past it as DNS_ANSWER_RECORDS."""

DNS_ALIASES: Final = 10
"""CNAMEs followed for one question (RFC 1034 5.2.2 leaves the number open). A longer chain is a temporary failure."""

DNS_LOOKUPS: Final = 60
"""DNS questions that one check of one message may cause beyond the cache, where it has no number of its own below. Past it further
questions are answered as a temporary failure. No check lives on what another leaves: the sender chooses what some of them
ask, and would choose what the others can find out. All of them together stay under 400."""

IPREV_LOOKUPS: Final = 1 + IPREV_NAMES
"""DNS questions of iprev: the client's names, and the addresses of each."""

SPF_LOOKUPS: Final = 1 + 10 * (1 + 10) + (1 + 10) + 1
"""DNS questions of SPF, all that RFC 7208 4.6.4 allows: the record, ten terms that ask (mx and ptr have ten hosts each), the
macro %{p}, and the explanation."""

DKIM_LOOKUPS: Final = DKIM_SIGNATURES
"""DNS questions of DKIM: the key of each signature."""

ARC_LOOKUPS: Final = ARC_SETS + 1 + ARC_OPTIONAL_SETS
"""DNS questions of ARC: the key of each seal, of the newest signature, and of older ones."""

DMARC_LOOKUPS: Final = 8 * (1 + DMARC_IDENTIFIERS) + 1
"""DNS questions of DMARC: a tree walk (RFC 9989 4.10: eight) from the author's domain and from each identifier, and whether the
author's domain exists."""

# What a message may take of its time (milter.message_seconds, by default 30) before these checks wait for DNS no longer. Who
# chooses the names that a check asks about chooses how slowly they are answered, and must not choose that nothing else is asked.
# They run all the same, on what the cache holds, and say temperror. The last sixth belongs to the checks that read the message.
IPREV_TIME: Final = 1 / 6
"""Part of a message's time that is over when iprev waits no longer: it weighs little."""

SPF_TIME: Final = 2 / 3
"""The same for SPF: 20 of 30 seconds, the least that RFC 7208 4.6.4 asks to allow."""

DKIM_TIME: Final = 3 / 4
"""The same for DKIM and ARC."""

DMARC_TIME: Final = 5 / 6
"""The same for DMARC."""

RSA_KEY_BITS_MIN: Final = 1024
"""RSA keys shorter than this never authenticate (RFC 8301 3.2)."""

RSA_KEY_BITS_MAX: Final = 8192
"""RSA keys longer than this are not computed with: their cost is the sender's choice (RFC 8301 asks for 4096)."""

# --- state, reputation, virus -------------------------------------------------------------------------------------
STATE_KEY_CHARACTERS: Final = 200
"""Characters of a key in the state store. A longer identity (a domain may have 253) is stored under its SHA-256."""

STATE_VALUE_BYTES: Final = 1_024
"""Bytes of one value that is put into the state store: room for a verdict, a digest or a few numbers, never for text of a
message. A longer one is refused with ValueError: it would be a mistake of the program's own."""

STATE_MEMBERS: Final = 256
"""Different members that one Distinct tells apart (3 kB). More are never asked for: ValueError."""

JOURNAL_ENTRIES: Final = 20_000
"""Records kept in one journal of the state store. Past it the oldest are taken back."""

JOURNAL_BYTES: Final = 32 * 1024 * 1024
"""Bytes of all records of one journal together (20,000 messages of 400 tokens). Past it as JOURNAL_ENTRIES."""

JOURNAL_ENTRY_BYTES: Final = 64 * 1024
"""Bytes of one record of a journal. A longer one is refused: it is our own mistake."""

JOURNAL_RETRACTED: Final = 2_000
"""Records taken back that a journal still tells of. A reader that comes after more of them reads anew."""

JOURNAL_PAGE: Final = 500
"""Records given in one answer of a journal: some 600 kB, well within one wait for the store."""

LESSON_TOKENS: Final = 4_000
"""Tokens remembered of one learned message. Of a longer one those with the smallest hashes are, which are the same ones in
a message like it."""

LEARNED_FIELDS: Final = 40
"""Header fields of one message that a site's labels learn from, the topmost ones. Mail people write to one another has ten to twenty
of those that count; the rest are not looked at."""

LEARNED_FIELD_BYTES: Final = 200
"""Bytes of a field's value that are read for learning. The rest is not looked at."""

LEARNED_FIELD_WORDS: Final = 12
"""Words of a field's value that are read for learning. The rest is not looked at."""

LESSON_FIELDS: Final = 300
"""Tokens of header fields remembered of one learned message; the usual message has 40. Of more, those with the smallest hashes."""

REPUTATION_IDENTITIES: Final = 7
"""Identities of one message that reputation reads and judges: author, signers, envelope domain, address, network. More
signers (the sender may add any number of its own) are not asked about."""

REPUTATION_LINKS: Final = 8
"""Domains of links of one message that reputation and DNS lists ask about. A message may hold hundreds; the rest are not
asked about."""

REPUTATION_FILES: Final = 8
"""Attached files of one message whose digests reputation asks about. The rest are not."""

RATE_RECIPIENTS: Final = 20
"""Recipients of one message that are counted one by one where a limit is per recipient. The rest are not counted."""

RATE_LIMITS: Final = 32
"""Limits in one table of rates. More are refused when the config is read: each is a question per message."""

CORRESPONDENTS: Final = 50
"""Recipients of one outbound message that are remembered as correspondents. The rest are not: that is a mailing."""

CORRESPONDENT_QUESTIONS: Final = 10
"""Pairs of writer and local recipient that one inbound message asks about. The rest are not asked about."""

REFERENCES: Final = 5
"""Message-IDs of In-Reply-To and, from its end, References that are looked up. Older ones of a long thread are not."""

MESSAGE_ID_BYTES: Final = 998
"""Bytes of a Message-ID that is remembered (a line's length, RFC 5322 2.1.1). A longer one is none."""

SHINGLE_CHARACTERS: Final = 20_000
"""Characters of visible text that a near-duplicate digest is made of. The rest does not count: what is to be read stands at
the top."""

SHINGLE_WORDS: Final = 1_000
"""Words of them. The rest do not count."""

DNSLIST_ANSWERS: Final = 16
"""Addresses of one answer of a DNS list that are read (RFC 5782 2.3 allows several). The rest are not."""

VIRUS_PARTS: Final = 64
"""Decoded parts of one message that are scanned beside the raw message. Past it the rest is not scanned by itself and the
message is `virus.skipped`, not clean."""

EARLY_BYTES: Final = 256 * 1024
"""Bytes of a body from which on somebody may listen to the message while it arrives (the virus scanner's head start). Mail
below it is handed over at its end, when that costs less than a connection that waits for a sender."""

EARLY_STREAMS: Final = 4
"""Scans under way in one worker for mail that still arrives. Each holds a connection of clamd, which accepts MaxQueue of them
(default 100). Past it mail is scanned when it is complete."""

EARLY_IDLE_SECONDS: Final = 5.0
"""Seconds without a byte after which such a scan is given up, at its next byte or when its place is wanted."""

VIRUS_REMEMBERED_BYTES: Final = 8 * 1024 * 1024
"""Bytes of decoded parts of one message that are looked up by their hashes, all in one question and so all in memory. Past it
parts are decoded and scanned one by one."""

VIRUS_REPAIRS: Final = 100_000
"""Places in one part (padding within base64, odd characters, white space behind a soft line break, escapes of yEnc) that are
mended for another reading, and short lines of uuencode in all parts of a message. Past it the rest is read as it stands, and of
uuencode not at all, as EMBEDDED_FILES: each place costs an object, and a message has room for millions. Once the parts of a
message had so much padding within base64 together, the others are read as past UNSURE_BYTES."""

VIRUS_SIGNATURE_CHARACTERS: Final = 120
"""Characters kept of a signature's name or of an error text from the virus scanner. The rest is cut."""

# --- output -------------------------------------------------------------------------------------------------------
DETAIL_CHARACTERS: Final = 300
"""Characters of an evidence sentence, wherever it is shown. The rest is cut with an ellipsis."""

HEADER_VALUE_CHARACTERS: Final = 4_000
"""Characters of one header that Gatepost adds, before folding. The rest is cut."""

RESULTS_CHARACTERS: Final = 16_000
"""The same for Authentication-Results: DKIM_SIGNATURES with the longest names and the results of all other methods take 13,000. A
sender must not be able to push out what stands at its end."""

RECORD_BYTES: Final = 1024 * 1024
"""Bytes of one record that is read back from a log (real ones stay under 20 kB). A longer line is passed over."""
