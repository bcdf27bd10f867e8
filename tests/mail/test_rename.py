"""Giving a part a name that nothing opens."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.effects.strip import stripped
from gatepost.evidence import Evidence
from gatepost.mail.message import Message, from_bytes
from gatepost.mail.rename import renamable, rename
from gatepost.verdict import AddHeader, RemoveHeader, ReplaceBody

CONTENT = bytes(range(256)) * 8


def letter(*names: str) -> Message:
    """Give a message with files of these names."""
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = "a@sender.example"
    message.set_content("See the files.")
    for name in names:
        message.add_attachment(CONTENT, maintype="application", subtype="x-msdownload", filename=name)
    return from_bytes(bytes(message))


def reread(message: Message, body: bytes | None) -> EmailMessage:
    """Read a message with another body by the standard library."""
    head = b"".join(header.line for header in message.headers)
    return message_from_bytes(head + b"\r\n" + (body or message.body), policy=policy.default)  # type: ignore[return-value]


@pytest.mark.parametrize("name", ["invoice.exe", "Rechnung für März.exe", 'a"b\\c.exe', "счёт.scr", "x" * 300 + ".exe"])
def test_the_name_is_made_harmless_and_the_content_kept(name: str) -> None:
    """Another reader of MIME finds the file under a name that nothing opens, byte for byte; the other parts are as they were."""
    message = letter(name, "other.txt")
    changed = list(reread(message, rename(message, [3]).body).iter_attachments())
    assert changed[0].get_filename().endswith(".blocked")
    assert changed[0].get_content_type() == "application/octet-stream"
    assert changed[0].get_content() == CONTENT
    assert changed[1].get_filename() == "other.txt"
    assert changed[1].get_content() == CONTENT


def test_several_parts_are_renamed_at_once() -> None:
    """Each part that is named is renamed, and no other."""
    message = letter("a.exe", "b.txt", "c.exe")
    names = [part.get_filename() for part in reread(message, rename(message, [3, 5]).body).iter_attachments()]
    assert names == ["a.exe.blocked", "b.txt", "c.exe.blocked"]


def test_only_the_header_of_the_part_changes() -> None:
    """Another part with the same header, and a text that quotes the same lines, stay as they are."""
    header = b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n"
    parts = [b"\r\nAs in\r\n" + header, header + b"\r\nTVqQ", header + b"\r\naGVsbG8="]
    body = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--\r\n"
    message = from_bytes(b"From: a@b.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + body)
    changed = rename(message, [3]).body or b""
    before, after = body.split(b"--b\r\n"), changed.split(b"--b\r\n")
    assert [one == other for one, other in zip(before, after, strict=True)] == [True, True, False, True]
    assert b"attachment.blocked" in after[2]
    assert (rename(message, [3, 4]).body or b"").count(b'name="attachment.blocked"') == 4


def test_a_message_that_is_one_file_is_renamed_at_its_top() -> None:
    """Where the file is the whole message its type stands among the message's own fields: they are exchanged."""
    message = from_bytes(
        b"From: a@b.example\nContent-Type: application/x; name=a.exe\nContent-Transfer-Encoding: base64\n\nTVqQ\n"
    )
    edits = list(stripped(message, [Evidence("attachment", "attachment.strip", facts={"parts": "1"})]))
    assert edits == [
        RemoveHeader("Content-Type", 1),
        AddHeader("Content-Type", 'application/octet-stream; name="a.exe.blocked"'),
        AddHeader("Content-Disposition", 'attachment; filename="a.exe.blocked"'),
    ]


def test_the_edit_replaces_the_body() -> None:
    """The evidence becomes one edit, and other evidence none."""
    message = letter("a.exe")
    (edit,) = stripped(
        message, [Evidence("attachment", "attachment.strip", facts={"parts": "3"}), Evidence("spf", "spf.pass")]
    )
    assert isinstance(edit, ReplaceBody)
    assert b"a.exe.blocked" in edit.body
    assert list(stripped(message, [Evidence("attachment", "attachment.hold", facts={"parts": "3"})])) == []


def test_what_cannot_be_renamed_is_known() -> None:
    """A container, a part that is not there, and a message that was cut are left alone."""
    message = letter("a.exe")
    assert renamable(message, 3)
    assert not renamable(message, 1)
    assert not renamable(message, 9)
    assert not renamable(Message(message.headers, message.body, truncated=True), 3)
    assert rename(message, [1, 9]).body is None


@given(st.text(max_size=60))
def test_no_name_ends_its_field(name: str) -> None:
    """Whatever a name holds, the new fields are whole lines of printable ASCII."""
    message = letter("a.exe")
    part = message.mime.parts[2]
    named = Message(message.headers, message.body)
    object.__setattr__(named.mime.parts[2], "filename", name)
    body = rename(named, [3]).body or b""
    lines = body.split(b"\r\n")
    start = next(
        number for number, line in enumerate(lines) if line.startswith(b"Content-Type: application/octet-stream")
    )
    assert lines[start + 1].startswith(b"Content-Disposition: attachment; filename=")
    assert part.headers
    assert all(0x20 <= byte < 0x7F for byte in lines[start] + lines[start + 1])
