"""Tricks in a body: base64 and quoted-printable that are not quite that."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator

from support.mime_pieces import CTE, attached, b64, qp, uneven, zipped


def base64_tricks(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Give base64 that is not quite base64."""
    whole = b64(content)
    flat = base64.b64encode(content)
    groups = [flat[at : at + 4] for at in range(0, len(flat), 4)]
    single = [base64.b64encode(content[at : at + 1]) for at in range(len(content))]
    pairs = [base64.b64encode(content[at : at + 2]) for at in range(0, len(content), 2)]
    cut = len(content) // 6 * 3
    other = b64(zipped(b"nothing here", "nothing.txt"))
    bodies = {
        "plain": whole,
        "uneven-lines": uneven(content),
        "one-line": flat + b"\r\n",
        "empty-lines": whole.replace(b"\r\n", b"\r\n\r\n"),
        "space-between": b" ".join(bytes([byte]) for byte in flat) + b"\r\n",
        "tab-between": b"\t".join(bytes([byte]) for byte in flat) + b"\r\n",
        "vertical-tab-between": b"\x0b".join(bytes([byte]) for byte in flat) + b"\r\n",
        "cr-between": b"\r".join(bytes([byte]) for byte in flat) + b"\r\n",
        "nul-between": b"\0".join(groups) + b"\r\n",
        "8bit-between": b"\xa0".join(groups) + b"\r\n",
        "header-of-uuencode": b"begin-base64 644 file.bin\r\n" + whole + b"====\r\n",
        "strange-end-of-each-group": b"".join(group + b"#abce01234567fghj\r\n" for group in groups),
        "strange-end-within-groups": b"".join(group[:3] + b"#abce01234567fghj\r\n" + group[3:] for group in groups)
        + b"\r\n",
        "one-stray-then-empty-line": b"A\r\n\r\n" + whole,
        "two-stray-then-empty-line": b"AB\r\n\r\n" + whole,
        "three-stray-then-empty-line": b"ABC\r\n\r\n" + whole,
        "four-stray-then-empty-line": b"ABCD\r\n\r\n" + whole,
        "padded-stray-then-empty-line": b"ABC=\r\n\r\n" + whole,
        "extra-padding": whole.rstrip() + b"=\r\n",
        "padding-at-line-ends": b64(content, 20).replace(b"\r\n", b"=\r\n"),
        "padding-line-first": b"=\r\n" + whole,
        "four-padding-line-first": b"====\r\n" + whole,
        "padding-after-groups": b"=".join(groups) + b"\r\n",
        "padding-within-groups": b"".join(group[:2] + b"=" + group[2:] for group in groups) + b"\r\n",
        "padding-at-line-starts": b"=" + b64(content, 20).rstrip().replace(b"\r\n", b"\r\n=") + b"\r\n",
        "four-padding-at-line-starts": b"====" + b64(content, 20).rstrip().replace(b"\r\n", b"\r\n====") + b"\r\n",
        "four-padding-between": b"====".join(groups) + b"\r\n",
        "each-byte-by-itself": b"".join(single) + b"\r\n",
        "each-byte-half-padded": b"".join(item[:3] for item in single) + b"\r\n",
        "each-byte-half-padded-lines": b"".join(item[:3] + b"\r\n" for item in single),
        "pairs": b"".join(pairs) + b"\r\n",
        "pairs-padded-in-front": b"".join(b"=" + item.rstrip(b"=") for item in pairs if item[-1:] == b"=") + b"\r\n",
        "pairs-padded-second": b"".join(item[:1] + b"=" + item[1:3] for item in pairs) + b"\r\n",
        "pairs-padded-third": b"".join(item[:2] + b"=" + item[2:3] for item in pairs) + b"\r\n",
        "pairs-in-lines": b"".join(item + b"\r\n" for item in pairs),
        "zero-as-padding": flat.rstrip(b"=")[:-4].replace(b"A", b"=") + flat[len(flat.rstrip(b"=")) - 4 :] + b"\r\n",
        "more-after-padding": whole.rstrip().rstrip(b"=").ljust(len(whole.rstrip()), b"=") + b"====\r\n" + other,
        "in-two-one-padding": b64(content[: cut + 2]) + b64(content[cut + 2 :]),
        "in-two-two-padding": b64(content[: cut + 1]) + b64(content[cut + 1 :]),
        "in-three": b64(content[:7]) + b64(content[7:20]) + b64(content[20:]),
        "no-padding": flat.rstrip(b"=") + b"\r\n",
        "url-safe": base64.urlsafe_b64encode(content) + b"\r\n",
        "text-behind": whole + b"\r\n-- \r\nlist footer, not base64\r\n",
        "text-before": b"Here is the file:\r\n" + whole,
        "text-between": whole[:24] + b"\r\n(go on)\r\n" + whole[24:],
        "field-before": b"X-Note: file\r\n\r\n" + whole,
    }
    for strange in (
        b"#",
        b":",
        b".",
        b"%",
        b"-",
        b"_",
        b"!",
        b"*",
        b"\\",
        b"~",
        b"<",
        b"&",
        b"$",
        b"\x7f",
        b"\xff",
        b"\x01",
    ):
        bodies[f"strange-{strange.hex()}"] = strange.join(bytes([byte]) for byte in flat) + b"\r\n"
        bodies[f"strange-{strange.hex()}-in-fours"] = strange.join(groups) + b"\r\n"
    for size in (1, 2, 3, 5, 6, 7, 9, 10, 13, 75):
        bodies[f"lines-of-{size}"] = b64(content, size)
    for tail in (b"X", b"XX", b"XXX", b"=", b"==", b"A=", b"#"):
        bodies[f"lines-of-4-then-{tail.decode()}"] = b64(content, 4).replace(b"\r\n", tail + b"\r\n")
    for name, text in bodies.items():
        yield name, attached(CTE + b"base64\r\n", text)


def quoted_printable_tricks(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Give quoted-printable that is not quite that."""
    each = [b"=%02X" % byte for byte in content]
    proper = qp(content)

    def every(form: str, *, before: bytes = b"", after: bytes = b"=\r\n") -> bytes:
        return b"".join(before + form.format(byte).encode() + after for byte in content) + b"\r\n"

    def escaped(keep: Callable[[int], bytes | None]) -> bytes:
        return b"".join(keep(byte) or b"=%02X" % byte for byte in content) + b"=\r\n\r\n"

    printable = bytes(range(0x21, 0x7F)).replace(b"=", b"")
    bodies = {
        "plain": proper,
        "soft-break-after-each": every("={:02X}"),
        "soft-break-and-space": every("={:02X}", after=b"= \r\n"),
        "soft-break-and-tab": every("={:02X}", after=b"=\t\r\n"),
        "soft-break-and-spaces": every("={:02X}", after=b"=  \t \r\n"),
        "soft-break-bare-lf": every("={:02X}", after=b"=\n"),
        "soft-break-bare-cr": every("={:02X}", after=b"=\r"),
        "soft-break-cr-cr-lf": every("={:02X}", after=b"=\r\r\n"),
        "soft-break-lf-lf": every("={:02X}", after=b"=\r\n\n"),
        "lower-case": b"".join(b"=%02x" % byte for byte in content) + b"=\r\n",
        "mixed-case": b"".join(b"=%X%x" % (byte >> 4, byte & 15) for byte in content) + b"=\r\n",
        "one-line": b"".join(each) + b"=\r\n",
        "literal": escaped(lambda byte: bytes([byte]) if byte in printable else None),
        "equals-before-each": every("={:02X}", before=b"="),
        "equals-digit-before-each": every("={:02X}", before=b"=0"),
        "equals-digit-other-before-each": every("={:02X}", before=b"=0X"),
        "equals-lower-before-each": every("={:02X}", before=b"=0a"),
        "equals-others-before-each": every("={:02X}", before=b"=XX"),
        "equals-space-before-each": every("={:02X}", before=b"= "),
        "equals-spaces-before-each": every("={:02X}", before=b"=  "),
        "equals-at-before-each": every("={:02X}", before=b"=@"),
        "equals-8bit-before-each": every("={:02X}", before=b"=\xff"),
        "equals-before-letters": escaped(
            lambda byte: b"=" + bytes([byte]) if chr(byte) in "GHIJKLMNOPQRSTUVWXYZ" else None
        ),
        "equals-zero-before-letters": escaped(
            lambda byte: b"=0" + bytes([byte]) if chr(byte) in "GHIJKLMNOPQRSTUVWXYZ" else None
        ),
        "equals-lower-before-digits": escaped(
            lambda byte: b"=a" + bytes([byte]) if chr(byte) in "0123456789" else None
        ),
        "space-at-line-ends": b"".join(item + b"=  \r\n" for item in each),
        "equals-at-the-end": proper.rstrip() + b"=",
        "equals-and-digit-at-the-end": proper.rstrip(b"=\r\n") + b"=2",
        "overlong-line": b"".join(each) + b"\r\n",
    }
    for name, text in bodies.items():
        yield name, attached(CTE + b"quoted-printable\r\n", text)
