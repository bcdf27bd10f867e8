"""Mail written for training: what public corpora lack, as short records that become whole messages.

Public corpora hold no modern personal mail, no newsletters that somebody asked for, few receipts, and hardly any wanted
mail that is not English. The project writes its own, wanted and unwanted of the same kinds, languages and layouts, with
invented people and firms. A record names the label, the kind and the language, a few fields, a layout, and the text in
a small Markdown:

    %% ham newsletter en
    From: Fjord Coffee <hello@fjordcoffee.example>
    Subject: New beans from Huila
    Layout: newsletter

    The new harvest is here.

    [Try it](https://fjordcoffee.example/huila)

What a layout looks like in detail (colours, widths, encodings, whether there is a plain twin) is drawn from a hash of the
record: it varies, it is the same every time, and it does not depend on the label.
"""

from __future__ import annotations

import hashlib
import html
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Final

SUFFIX: Final = ".mail"
"""Ending of a file of records; a folder with such files is a pack."""

_HEAD: Final = re.compile(r"%% (ham|spam|phish) ([\w-]+) ([a-z]{2,3})\s*")
_FIELD: Final = re.compile(r"([A-Za-z-]+):\s*(.*)")
_LINK: Final = re.compile(r"(!?)\[([^\[\]\n]*)\]\(([^()\s]*)\)")
_LAYOUTS: Final = ("plain", "letter", "newsletter", "receipt", "report")
_FIRST: Final = datetime(2021, 1, 4, 7, 0, tzinfo=UTC)
_DAYS: Final = 2_000


class RecordError(ValueError):
    """A record cannot be read; the message is one line for people."""


@dataclass(frozen=True, slots=True)
class Record:
    """One written message: its label, kind and language, the fields and the layout it asks for, and its text."""

    label: str
    kind: str
    language: str
    sender: str
    subject: str
    layout: str
    text: str
    reply_to: str = ""
    to: str = ""


def read_records(source: str) -> Iterator[Record]:
    """Read the records of a file; raises RecordError, one line, for one that is not whole."""
    for block in re.split(r"(?m)^(?=%% )", source):
        if block.strip():
            yield _record(block)


def _record(block: str) -> Record:
    """Read one record."""
    first, _, rest = block.partition("\n")
    head = _HEAD.fullmatch(first)
    if head is None:
        raise RecordError(f"{first[:80]!r}: not `%% LABEL KIND LANGUAGE`")
    fields, _, text = rest.partition("\n\n")
    given = {match[1].lower(): match[2].strip() for match in map(_FIELD.fullmatch, fields.splitlines()) if match}
    if not given.get("from") or "subject" not in given or not text.strip():
        raise RecordError(f"{first[:80]!r}: From, Subject and a text are needed")
    layout = given.get("layout", "plain")
    if layout not in _LAYOUTS:
        raise RecordError(f"{first[:80]!r}: no layout {layout[:20]!r} ({', '.join(_LAYOUTS)})")
    return Record(
        head[1],
        head[2],
        head[3],
        given["from"],
        given["subject"],
        layout,
        text.strip() + "\n",
        given.get("reply-to", ""),
        given.get("to", ""),
    )


def build(record: Record) -> bytes:
    """Give the message of a record as it would arrive: the same bytes for the same record, always."""
    digest = hashlib.sha256(f"{record.sender}\n{record.subject}\n{record.text}".encode()).hexdigest()
    draw = random.Random(digest)
    mail = EmailMessage()
    address = record.sender.rpartition("<")[2].strip(" >")
    # As bytes in words of RFC 2047 or bare UTF-8 (RFC 6532), where the library would insist on a valid address.
    for name, value in (("From", record.sender), ("Reply-To", record.reply_to), ("To", record.to or _recipient(draw))):
        if value:
            mail[name] = value
    mail["Subject"] = record.subject
    mail["Date"] = format_datetime(_FIRST + timedelta(days=draw.randrange(_DAYS), seconds=draw.randrange(60_000)))
    domain = address.rpartition("@")[2] if draw.random() < 0.7 else f"mx{draw.randrange(40)}.relay.example"
    mail["Message-ID"] = f"<{digest[:24]}@{domain}>"
    plain, encoding = as_text(record.text), draw.choice(("quoted-printable", "base64", "8bit"))
    if record.layout == "plain":
        mail.set_content(plain, cte=encoding)
        return mail.as_bytes()
    if record.layout == "report":
        return _as_report(mail, plain, encoding, draw)
    page = as_page(record, draw)
    if draw.random() < 0.6:
        mail.set_content(plain, cte=encoding)
        mail.add_alternative(page, subtype="html", cte=encoding)
        mail.set_boundary(f"=_{digest[:32]}")
    else:
        mail.set_content(page, subtype="html", cte=encoding)
    return mail.as_bytes()


def _as_report(mail: EmailMessage, plain: str, encoding: str, draw: random.Random) -> bytes:
    """Give a delivery report around a text (RFC 6522, RFC 3464), with the message it is about or that one's header."""
    text = EmailMessage()
    text.set_content(plain, cte="base64" if encoding == "base64" else "quoted-printable")
    del text["MIME-Version"]
    failed = draw.random() < 0.8
    address = f"{draw.choice(('sales', 'l.berg', 'info', 'noor'))}@mail{draw.randrange(90)}.example"
    status = (
        f"Reporting-MTA: dns; mx{draw.randrange(40)}.relay.example\nArrival-Date: {mail['Date']}\n\n"
        f"Final-Recipient: rfc822; {address}\nAction: {'failed' if failed else 'delayed'}\n"
        f"Status: {draw.choice(('5.1.1', '5.2.2', '5.7.1', '5.4.4') if failed else ('4.4.1', '4.2.2', '4.7.0'))}\n"
    )
    returned = f"From: {_recipient(draw)}\nTo: {address}\nSubject: {draw.choice(('Re: Friday', 'Offer', 'Photos', 'Minutes'))}\n\n"
    parts = (
        text.as_string(),
        f"Content-Type: message/delivery-status\n\n{status}",
        f"Content-Type: {draw.choice(('message/rfc822', 'text/rfc822-headers'))}\n\n{returned}",
    )
    boundary = f"=_{draw.randrange(10**16)}"
    mail["MIME-Version"] = "1.0"
    mail["Content-Type"] = f'multipart/report; report-type=delivery-status; boundary="{boundary}"'
    # The library builds no reports; a multipart that is a string it writes as it stands.
    mail.set_payload("".join(f"--{boundary}\n{part}\n" for part in parts) + f"--{boundary}--\n")
    return mail.as_bytes()


def _recipient(draw: random.Random) -> str:
    """Give an invented recipient."""
    return f"{draw.choice(('anna', 'jonas', 'office', 'm.silva', 'kenji', 'lee', 'post'))}@customer{draw.randrange(90)}.example"


def as_text(text: str) -> str:
    """Give the plain form of a record's text: links as `words: address`, pictures left out, tables in columns."""
    text = _LINK.sub(lambda match: "" if match[1] else _spoken(match[2], match[3]), text)
    text = re.sub(r"(?m)^#+ +", "", text)
    return re.sub(r"(?m)^\| *(.*?) *\|\s*$", lambda match: "    ".join(re.split(r" *\| *", match[1])), text)


def _spoken(words: str, address: str) -> str:
    return address if words == address or not words else f"{words}: {address}"


def as_page(record: Record, draw: random.Random) -> str:
    """Give the HTML form of a record in its layout."""
    colour = f"#{draw.randrange(0x1000000):06x}"
    font = draw.choice(("Arial, sans-serif", "Helvetica, Arial", "Georgia, serif", "'Segoe UI', Tahoma", "Verdana"))
    rows = [_block(block, record.layout, colour) for block in re.split(r"\n{2,}", record.text.strip())]
    body = "\n".join(rows)
    if record.layout == "letter":
        return f'<html><body><div style="font-family:{font};font-size:{draw.choice((13, 14, 15))}px">\n{body}\n</div></body></html>'
    width = draw.choice((560, 600, 620, 640))
    host = record.sender.rpartition("@")[2].strip(" >")
    picture = f'<tr><td align="center"><img src="https://{host}/img/{draw.randrange(9999)}.png" width="{width // 3}" alt=""></td></tr>'
    head = picture if draw.random() < 0.6 else ""
    pixel = (
        f'<img src="https://{host}/o/{draw.randrange(10**9)}.gif" width="1" height="1">' if draw.random() < 0.5 else ""
    )
    return (
        f'<!DOCTYPE html><html><head><meta charset="utf-8"><title>{html.escape(record.subject)}</title></head>'
        f'<body style="margin:0;background:{draw.choice(("#f4f4f4", "#ffffff", "#eeeef2"))}"><table width="100%"><tr><td>'
        f'<table width="{width}" align="center" style="background:#fff;font-family:{font}">{head}\n<tr><td style="padding:24px">'
        f"\n{body}\n</td></tr></table></td></tr></table>{pixel}</body></html>"
    )


def _block(block: str, layout: str, colour: str) -> str:
    """Give the HTML of one block of the text."""
    lines = block.split("\n")
    if block.startswith("#"):
        return f'<h2 style="color:{colour}">{_inline(block.lstrip("# "))}</h2>'
    if all(line.startswith("- ") for line in lines):
        return "<ul>" + "".join(f"<li>{_inline(line[2:])}</li>" for line in lines) + "</ul>"
    if all(line.startswith("|") for line in lines):
        cells = ((_inline(cell) for cell in line.strip(" |").split("|")) for line in lines)
        return (
            "<table>"
            + "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in cells)
            + "</table>"
        )
    if all(line.startswith(">") for line in lines):
        return f"<blockquote>{'<br>'.join(_inline(line.lstrip('> ')) for line in lines)}</blockquote>"
    if block.strip("-") == "":
        return "<hr>"
    button = _LINK.fullmatch(block.strip())
    if button and not button[1] and layout != "letter":
        address, words = html.escape(button[3]), html.escape(button[2])
        return f'<p align="center"><a href="{address}" style="background:{colour};color:#fff;padding:12px 24px">{words}</a></p>'
    return f"<p>{'<br>'.join(map(_inline, lines))}</p>"


def _inline(text: str) -> str:
    """Give a line with its links and pictures as HTML."""
    done, place = [], 0
    for match in _LINK.finditer(text):
        done.append(html.escape(text[place : match.start()], quote=False))
        address, words = html.escape(match[3]), html.escape(match[2])
        done.append(f'<img src="{address}" alt="{words}">' if match[1] else f'<a href="{address}">{words}</a>')
        place = match.end()
    return "".join(done) + html.escape(text[place:], quote=False)


def is_pack(path: Path) -> bool:
    """Say whether a folder holds files of records."""
    return any(path.glob(f"*{SUFFIX}"))


def read_files(path: Path) -> Iterator[tuple[str, str, Record]]:
    """Give the records of a folder as (collection, name, record), in order of file name.

    Raises RecordError, naming the file, for one that cannot be read.
    """
    for file in sorted(path.glob(f"*{SUFFIX}")):
        try:
            records = list(read_records(file.read_text("utf-8")))
        except (RecordError, UnicodeDecodeError) as error:
            raise RecordError(f"{file.name}: {error}") from error
        collection = file.stem.partition("-")[0]
        yield from ((collection, f"{file.stem}-{number:03d}", record) for number, record in enumerate(records))
