"""The external suites for MIME, read as cases: what others expect of the structure and of the decoded content of odd mail.

They travel beside the project (`../shared/suites`) and are not part of it. Where they are absent each loader gives no cases,
and `tests/mail/test_mime_suites.py` says so.
"""

from __future__ import annotations

import email
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gatepost.mail.charset import to_text
from gatepost.mail.message import from_bytes
from gatepost.mail.mime import Mime, Part
from support.suites_auth import SUITES


@dataclass(frozen=True)
class MimeCase:
    """One message, and what a suite expects: lines that describe each part in reading order."""

    name: str
    data: bytes
    wanted: tuple[str, ...]


def _text(data: bytes | str) -> str:
    """Bring a content to a form that line ends, white space at the end and control characters do not tell apart."""
    text = data.decode("latin-1") if isinstance(data, bytes) else data
    return re.sub(r"\s+", " ", text).strip(" \0\ufeff")


def _order(path: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in path.stem.rpartition("_decoded_")[2].split("_"))


def mime4j_cases() -> Iterator[MimeCase]:
    """Read mime4j's messages; wanted is the decoded content of each leaf."""
    for path in sorted((SUITES / "mime4j-testmsgs").glob("*/*.msg")):
        files = sorted(path.parent.glob(f"{path.stem}_decoded_*_*.*"), key=_order) if path.exists() else []
        files = files or sorted(path.parent.glob(f"{path.stem}_decoded_1.*"))
        if files:
            yield MimeCase(path.stem, path.read_bytes(), tuple(_text(file.read_bytes()) for file in files))


def contents(mime: Mime) -> tuple[str, ...]:
    """Give the decoded content of each leaf as mime4j's expectations have it."""
    return tuple(_text(part.payload()) for part in mime.leaves())


def mimekit_cases() -> Iterator[MimeCase]:
    """Read the mailboxes of MimeKit that have a summary; wanted is the tree of content types, indented."""
    for summary in sorted((SUITES / "mimekit" / "mbox").glob("*-summary.txt")):
        mailbox = summary.with_name(summary.name.replace("-summary", ".mbox"))
        if not mailbox.exists():
            continue
        messages = re.split(rb"^From -[^\r\n]*\r?\n", mailbox.read_bytes(), flags=re.MULTILINE)[1:]
        trees = re.split(r"^From -[^\n]*\n", summary.read_text("utf-8-sig"), flags=re.MULTILINE)[1:]
        for number, (data, wanted) in enumerate(zip(messages, trees, strict=True)):
            lines = tuple(line.rstrip() for line in wanted.splitlines() if line.strip().startswith("Content-Type:"))
            yield MimeCase(f"{mailbox.name.partition('.')[0]}-{number:03}", data, lines)


def tree(mime: Mime) -> tuple[str, ...]:
    """Give the tree of content types as MimeKit's summary has it."""
    return tuple(f"{'   ' * part.depth}Content-Type: {part.content_type}" for part in mime.parts)


def mail_parser_cases() -> Iterator[MimeCase]:
    """Read mail-parser's messages; wanted is the type and the content of each part, nested messages included."""
    for path in sorted((SUITES / "mime-mail-parser").glob("*/*.eml")):
        wanted = json.loads(path.with_suffix(".json").read_text())
        yield MimeCase(f"{path.parent.name}-{path.stem}", path.read_bytes(), tuple(_described(wanted)))


def _described(message: dict) -> Iterator[str]:
    """Describe the leaves of one message of mail-parser's model."""
    for part in message["parts"]:
        ((kind, body),) = part["body"].items() if isinstance(part["body"], dict) else ((part["body"], None),)
        if kind == "Message":
            yield from _described(body)
        elif kind in {"Text", "Html"}:
            yield _text(body)
        elif kind in {"Binary", "InlineBinary"}:
            yield _text(bytes(body))


def leaves(mime: Mime) -> tuple[str, ...]:
    """Give the leaves of a message as `_described` has them: text decoded, files as bytes."""
    return tuple(_text(_shown(part)) for part in mime.leaves())


def _shown(part: Part) -> str | bytes:
    data = part.payload()
    return to_text(data, part.charset) if part.content_type.startswith("text/") else data


def python_email_cases() -> Iterator[MimeCase]:
    """Read the messages of Python's own tests; wanted is what its parser makes of them."""
    for path in sorted((SUITES / "python-email").glob("msg_*.txt")):
        data = path.read_bytes()
        parsed = email.message_from_bytes(data)
        wanted = [
            f"{part.get_content_type()}: {_text(part.get_payload(decode=True) or b'')}"
            for part in parsed.walk()
            if not part.is_multipart()
        ]
        yield MimeCase(path.stem, data, tuple(wanted))


def typed_contents(mime: Mime) -> tuple[str, ...]:
    """Give type and content of each leaf as `python_email_cases` has them."""
    return tuple(f"{part.content_type}: {_text(part.payload())}" for part in mime.leaves())


def every_message() -> Iterator[tuple[str, bytes]]:
    """Give every message of every suite for MIME, and of those that hold mail for other purposes."""
    for suite in (
        "mime4j-testmsgs",
        "mimekit",
        "python-email",
        "mime-mail-parser",
        "rspamd-messages",
        "milter-dj-testcases",
    ):
        for path in sorted((SUITES / suite).rglob("*")):
            if path.suffix in {".msg", ".eml", ".txt", ".testcase", ".mbox"} and "_decoded" not in path.name:
                yield f"{suite}/{path.name}", path.read_bytes()


def parsed(case: MimeCase) -> Mime:
    """Parse the message of a case."""
    return from_bytes(case.data).mime
