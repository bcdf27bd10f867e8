"""Files of many kinds made from nothing, honest ones and such as attackers send, without a byte of malware."""

from __future__ import annotations

import base64
import io
import random
import struct
import zipfile
from collections.abc import Mapping
from typing import Any

import pikepdf
import zxingcpp
from msoffcrypto.format.ooxml import OOXMLFile
from PIL import Image

from support.compound_file import Storage, compound, vba_project

PROGRAM = b"MZ" + b"\x90\0\3\0\0\0\4\0\0\0\xff\xff".ljust(58, b"\0") + struct.pack("<I", 64) + b"PE\0\0" + b"\0" * 200
LINK = "https://login.attacker.example/verify?id=7"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
AUTO_MACRO = 'Sub AutoOpen()\r\nCreateObject("WScript.Shell").Run "cmd /c start https://login.attacker.example/verify?id=7"\r\nEnd Sub'


def archive(members: Mapping[str, bytes | str], *, stored: bool = False) -> bytes:
    """Give a ZIP file."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED) as bundle:
        for name, content in members.items():
            bundle.writestr(name, content)
    return data.getvalue()


def docx(text: str = "Dear colleague, the minutes are below.", parts: Mapping[str, bytes | str] | None = None) -> bytes:
    """Give a Word document since 2007, with further parts."""
    return archive(
        {
            "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
            "word/document.xml": f"<w:document><w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body></w:document>",
            **(parts or {}),
        }
    )


def relation(kind: str, target: str) -> str:
    """Give a relationships part with one relation that leads out of the package."""
    return f'<Relationships><Relationship Id="r1" Type="{RELATIONS}/{kind}" Target="{target}" TargetMode="External"/></Relationships>'


def with_macro(code: str = AUTO_MACRO) -> bytes:
    """Give a Word document since 2007 with a VBA project."""
    project = vba_project(code)
    return docx(parts={"word/vbaProject.bin": compound(project.entries)})


def doc(entries: Mapping[str, bytes | Storage] | None = None) -> bytes:
    """Give a Word document before 2007, with further streams."""
    text = b"The minutes of our meeting. See https://intranet.example.org/minutes for more.\r"
    word = (b"\xec\xa5\xc1\0" + b"\0" * 20 + struct.pack("<II", 512, 512 + len(text))).ljust(512, b"\0") + text
    return compound({"WordDocument": word, **(entries or {})})


def workbook(records: bytes) -> bytes:
    """Give an Excel workbook before 2007 whose globals hold the given records."""
    begin = struct.pack("<HHHHHHII", 0x809, 16, 0x600, 5, 0, 0, 0, 0)
    return compound({"Workbook": begin + records + struct.pack("<HH", 0x0A, 0)})


def macro_sheet() -> bytes:
    """Give a workbook with a hidden Excel 4 macro sheet and the name that runs it."""
    sheet = b"\0\0\0\0\1\1\x06\0Macro1"
    name = struct.pack("<HBBHHHBBBB", 0x21, 0, 1, 0, 0, 1, 0, 0, 0, 0) + b"\0\1"
    return workbook(struct.pack("<HH", 0x85, len(sheet)) + sheet + struct.pack("<HH", 0x18, len(name)) + name)


def native_object(name: str, content: bytes) -> bytes:
    """Give an Ole10Native stream around a file (MS-OLEDS 2.3.6)."""
    words = name.encode() + b"\0"
    body = (
        b"\2\0"
        + words
        + words
        + b"\0\0\3\0"
        + struct.pack("<I", len(words))
        + words
        + struct.pack("<I", len(content))
        + content
    )
    return struct.pack("<I", len(body)) + body


def encrypted_docx(password: str) -> bytes:
    """Give a Word document that needs a password."""
    # The library's own writer of compound files goes wrong on streams of less than 4,096 bytes.
    padding = {"word/padding.dat": random.Random(password).randbytes(8_000)}
    plain, sealed = io.BytesIO(docx("The secret minutes of our meeting.", padding)), io.BytesIO()
    OOXMLFile(plain).encrypt(password, sealed)
    return sealed.getvalue()


def rtf(body: str = "The minutes of our meeting.") -> bytes:
    """Give an RTF document."""
    return b"{\\rtf1\\ansi " + body.encode("latin-1") + b"}"


def rtf_object(class_name: str, content: bytes) -> bytes:
    """Give an RTF document with an OLE 1 object (MS-OLEDS 2.2.5)."""
    word = class_name.encode() + b"\0"
    native = struct.pack("<III", 0x501, 2, len(word)) + word + struct.pack("<III", 0, 0, len(content)) + content
    return rtf(r"{\object\objemb{\*\objdata " + native.hex() + "}}")


def pdf(
    root: Mapping[str, Any] | None = None,
    *,
    text: str = "Invoice 4711",
    embedded: Mapping[str, bytes] | None = None,
    **save: Any,
) -> bytes:
    """Give a PDF of one page with entries in its catalog, embedded files, and options of pikepdf's save."""
    document = pikepdf.new()
    page = document.add_blank_page(page_size=(300, 300))
    page.contents_add(f"BT /F1 18 Tf 20 200 Td ({text}) Tj ET".encode())
    page.Resources = pikepdf.Dictionary(
        Font=pikepdf.Dictionary(
            F1=pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
        )
    )
    for key, value in (root or {}).items():
        document.Root[key] = value
    for name, content in (embedded or {}).items():
        document.attachments[name] = content
    data = io.BytesIO()
    document.save(data, **save)
    return data.getvalue()


def action(kind: str, **entries: Any) -> pikepdf.Dictionary:
    """Give a PDF action (ISO 32000-1 12.6)."""
    return pikepdf.Dictionary({"/S": pikepdf.Name("/" + kind), **{"/" + key: value for key, value in entries.items()}})


def pdf_with_code(says: str) -> bytes:
    """Give a PDF that shows a QR code as a picture."""
    data = io.BytesIO()
    qr_image(says).convert("RGB").save(data, "PDF")
    return data.getvalue()


def qr_image(says: str) -> Image.Image:
    """Give a picture of a QR code with its margin."""
    code = zxingcpp.create_barcode(says, zxingcpp.BarcodeFormat.QRCode)
    drawn = Image.fromarray(zxingcpp.write_barcode_to_image(code, scale=6))
    framed = Image.new("L", (drawn.width + 80, drawn.height + 80), 255)
    framed.paste(drawn, (40, 40))
    return framed


def png(image: Image.Image | None = None) -> bytes:
    """Give a PNG; without an image, a small grey one."""
    data = io.BytesIO()
    (image or Image.new("L", (64, 64), 200)).save(data, "PNG")
    return data.getvalue()


def lnk(arguments: str = "/c powershell -enc AAAA", path: str = "..\\..\\Windows\\System32\\cmd.exe") -> bytes:
    """Give a shell link (MS-SHLLINK) with a relative path and arguments."""
    flags = 0x8 | 0x20 | 0x80
    header = struct.pack("<I16sII", 0x4C, bytes.fromhex("0114020000000000c000000000000046"), flags, 0).ljust(
        0x4C, b"\0"
    )
    return header + b"".join(struct.pack("<H", len(text)) + text.encode("utf-16-le") for text in (path, arguments))


def onenote(*files: bytes) -> bytes:
    """Give the beginning of a OneNote section and the files in it (MS-ONESTORE 2.6.13)."""
    section = bytes.fromhex("e4525c7b8cd8a74daeb15378d02996d3") + b"\0" * 1_000
    store = bytes.fromhex("e716e3bd65261145a4c48d4d0b7a9eac")
    return section + b"".join(store + struct.pack("<QIQ", len(file), 0, 0) + file + b"\0" * 16 for file in files)


def iso(content: bytes = b"") -> bytes:
    """Give what is told of an ISO 9660 image: its descriptor."""
    return b"\0" * 0x8000 + b"\1CD001\1\0".ljust(2048, b"\0") + content


def smuggling_page(content: bytes, name: str = "invoice.zip") -> bytes:
    """Give a page whose script puts a file together and hands it to the reader."""
    blob = base64.b64encode(content).decode()
    return (
        f'<!DOCTYPE html><html><body><p>Your document is being prepared.</p><script>var d = "{blob}";'
        "var b = new Blob([Uint8Array.from(atob(d), c => c.charCodeAt(0))]);"
        f'var a = document.createElement("a"); a.href = URL.createObjectURL(b); a.download = "{name}"; a.click();</script></body></html>'
    ).encode()


def outlook_message(name: str, content: bytes) -> bytes:
    """Give an Outlook message (MS-OXMSG) with one attachment."""
    attached = Storage({"__substg1.0_3707001F": name.encode("utf-16-le"), "__substg1.0_37010102": content})
    return compound(
        {
            "__properties_version1.0": b"\0" * 32,
            "__substg1.0_0037001F": "Minutes".encode("utf-16-le"),
            "__substg1.0_1000001F": f"See {LINK} for the minutes.".encode("utf-16-le"),
            "__attach_version1.0_#00000000": attached,
        }
    )


def signed(content: bytes, *, pieces: bool = False) -> bytes:
    """Give a file within a signature (CMS SignedData, RFC 5652 5) that nobody made, in DER or in pieces of BER."""

    def element(tag: int, inside: bytes) -> bytes:
        if pieces and tag & 0x20:
            return bytes((tag, 0x80)) + inside + b"\0\0"
        return bytes((tag, 0x84)) + len(inside).to_bytes(4, "big") + inside

    cut = [element(0x04, content[at : at + 30]) for at in range(0, len(content), 30)]
    octets = element(0x24, b"".join(cut)) if pieces else element(0x04, content)
    data, signed_data = (bytes.fromhex(f"06092a864886f70d0107{number:02}") for number in (1, 2))
    enclosed = element(0x30, data + element(0xA0, octets))
    return element(
        0x30, signed_data + element(0xA0, element(0x30, b"\2\1\1" + element(0x31, b"") + enclosed + element(0x31, b"")))
    )
