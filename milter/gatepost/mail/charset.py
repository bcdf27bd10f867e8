"""Bytes to text: charsets that mail really uses, encoded words, never an exception.

Only a fixed list of codecs is reachable from mail. Python knows codecs that must not be: `punycode` is quadratic,
`unicode_escape` interprets, and each first use imports a module, which a worker without privileges may not be able to do.
"""

from __future__ import annotations

import binascii
import codecs
import re
from typing import Final

from gatepost.mail import limits

_CODECS: Final = (
    "ascii utf-8 utf-16 utf-16-le utf-16-be utf-32 utf-7 latin-1 "
    "iso8859-2 iso8859-3 iso8859-4 iso8859-5 iso8859-6 iso8859-7 iso8859-8 iso8859-9 iso8859-10 iso8859-11 iso8859-13 "
    "iso8859-14 iso8859-15 iso8859-16 cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258 cp437 cp850 cp852 "
    "cp866 cp874 cp932 cp949 cp950 koi8-r koi8-u gb2312 gbk gb18030 big5 big5hkscs shift_jis euc-jp iso2022_jp euc-kr "
    "johab hz tis-620 mac-roman mac-cyrillic iso2022_jp_ext iso2022_jp_2 iso2022_kr"
).split()

_BYTE_ORDER_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
_ALIASES: Final = {
    # Labels seen in mail that Python does not know; WHATWG's encoding labels are the source.
    "unknown-8bit": "cp1252",
    "x-unknown": "cp1252",
    "default": "utf-8",
    "utf8mb4": "utf-8",
    "x-gbk": "gbk",
    "gb_2312-80": "gbk",
    "gb_2312": "gbk",
    "csgb2312": "gbk",
    "x-big5": "big5",
    "x-x-big5": "big5",
    "x-sjis": "cp932",
    "x-euc-jp": "euc-jp",
    "cseucpkdfmtjapanese": "euc-jp",
    "iso-2022-jp-ms": "iso2022_jp_ext",
    "cp50220": "iso2022_jp_ext",
    "cp50221": "iso2022_jp_ext",
    "x-windows-949": "cp949",
    "x-mac-roman": "mac-roman",
    "x-mac-cyrillic": "mac-cyrillic",
    "x-mac-ukrainian": "mac-cyrillic",
    "windows-874": "cp874",
    "windows-31j": "cp932",
    "ks_c_5601-1987": "cp949",
    "iso-8859-8-i": "iso8859-8",
    "iso-8859-8-e": "iso8859-8",
    "ansi_x3.4-1968": "ascii",
    "koi8": "koi8-r",
    "koi8r": "koi8-r",
    "koi": "koi8-r",
    "dos-866": "cp866",
    **{f"{start}{page}": f"cp{page}" for page in range(1250, 1259) for start in ("x-cp", "cp-", "win-", "win")},
}
_WIDER: Final = {"gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949", "tis-620": "cp874"}
"""Codecs in whose place programs for mail take one that knows more characters (WHATWG Encoding 4.2)."""

# Looked up once at import: the codec modules are loaded before a worker gives up its privileges.
_KNOWN: Final = {codecs.lookup(name).name for name in _CODECS}

# RFC 2047 2: =?charset?encoding?text?=, each run bounded, no nested quantifier.
_WORD: Final = re.compile(rb"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]{0,2000})\?=")
_BASE64: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_BASE64: Final = bytes(set(range(256)) - set(_BASE64))
_BETWEEN_WORDS: Final = re.compile(rb"[ \t\r\n]*\Z")


def codec(label: str | None) -> str | None:
    """Give the Python codec for a MIME charset label, or None for a label that mail has no business using.

    RFC 2978 for the labels; RFC 2231 language suffixes (`utf-8*en`) are cut off.
    """
    if not label:
        return None
    name = label.strip().strip("\"'").partition("*")[0].lower()
    name = _ALIASES.get(name, name)
    try:
        found = codecs.lookup(name).name if name.isascii() and len(name) <= 40 else ""
    except (LookupError, ValueError):
        return None
    return _WIDER.get(found, found) if found in _KNOWN else None


def to_text(data: bytes, label: str | None = None) -> str:
    """Decode bytes under a charset label; never raises.

    The declared charset is used when it is known, else UTF-8, else Windows-1252 as mail clients do. What cannot be
    decoded becomes U+FFFD.
    """
    if data[:2] in _BYTE_ORDER_MARKS:
        # WHATWG Encoding 6: a byte order mark outranks the label.
        return data.decode("utf-16", "replace")
    name = codec(label)
    if name in (None, "ascii"):
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            return data.decode("cp1252", "replace")
    return data.decode(name, "replace")


def _word_bytes(encoding: bytes, text: bytes) -> bytes:
    """Undo the B or Q encoding of one encoded word (RFC 2047 4)."""
    if encoding in b"qQ":
        return binascii.a2b_qp(text, header=True)
    return decode_base64(text)


def decode_base64(data: bytes) -> bytes:
    """Decode base64 as mail clients do: skip what is not alphabet, accept missing padding; never raises (RFC 2045 6.8)."""
    try:
        return binascii.a2b_base64(data)
    except binascii.Error:
        kept = data.translate(None, _NOT_BASE64)
        kept = kept[: len(kept) - (len(kept) % 4 == 1)]
        return binascii.a2b_base64(kept + b"=" * (-len(kept) % 4))


def header_text(value: bytes) -> str:
    """Decode a header value for reading: unfolded, encoded words decoded, 8-bit bytes as UTF-8 or Windows-1252.

    Takes the value as received. Gives at most HEADER_TEXT_BYTES worth of text; never raises (RFC 2047, RFC 6532).
    White space between two encoded words is dropped, and adjacent words of one charset are joined before decoding,
    because real mailers split characters between them.
    """
    value = value[: limits.HEADER_TEXT_BYTES].replace(b"\r", b"").replace(b"\n", b"")
    if b"=?" not in value:
        return to_text(value).strip()
    out: list[str] = []
    pending, charset, end = b"", "", 0
    for word in _WORD.finditer(value):
        gap = value[end : word.start()]
        label = word[1].decode("ascii", "replace")
        joined = bool(end) and _BETWEEN_WORDS.match(gap) is not None
        if not (joined and label.lower() == charset.lower()):
            out.append(to_text(pending, charset))
            if not joined:
                out.append(to_text(gap))
            pending, charset = b"", label
        pending += _word_bytes(word[2], word[3])
        end = word.end()
    out += [to_text(pending, charset), to_text(value[end:])]
    return "".join(out).strip()
