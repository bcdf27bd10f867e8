"""Windows shortcuts (MS-SHLLINK): what one starts, with which arguments.

A shortcut shows any icon and any name and runs any command. Of the format only what says what is started is read: the
flags, the local path, and the five strings.
"""

from __future__ import annotations

import re
import struct
from typing import Final

from gatepost.checks.attachments.notes import Notes, decoded
from gatepost.mail import file_limits

_HEADER: Final = 0x4C
_HAS_ID_LIST, _HAS_LINK_INFO, _UNICODE = 1, 2, 0x80
_STRINGS: Final = ((4, "name"), (8, "path"), (0x10, "folder"), (0x20, "arguments"), (0x40, "icon"))
_SHELLS: Final = re.compile(
    r"powershell|pwsh|cmd(?:\.exe)?\b|mshta|wscript|cscript|rundll32|regsvr32|msiexec|certutil|bitsadmin|forfiles|conhost|curl|wmic|"
    r"explorer\.exe|pcalua|ftp\.exe|ssh\.exe|msbuild|installutil",
    re.IGNORECASE,
)


def inspect_lnk(notes: Notes, data: bytes) -> None:
    """Say what a shell link starts; never raises."""
    strings = link_strings(data[: file_limits.SHORTCUT_BYTES])
    target = strings.get("local") or strings.get("path") or ""
    command = " ".join(part for part in (target, strings.get("arguments", "")) if part)
    shown = " ".join(command.split())[:160]
    if _SHELLS.search(command):
        notes.find("shortcut", f"is a shortcut that runs a command: {shown}")
    elif shown:
        notes.find("shortcut", f"is a shortcut to {shown}")
    else:
        notes.find("shortcut", "is a shortcut to what its name does not say")
    notes.links_in(" ".join(strings.values()))


def link_strings(data: bytes) -> dict[str, str]:
    """Give what is written in a shell link by `local`, `name`, `path`, `folder`, `arguments` and `icon` (MS-SHLLINK 2.3, 2.4)."""
    found: dict[str, str] = {}
    try:
        (flags,) = struct.unpack_from("<I", data, 0x14)
        at = _HEADER
        if flags & _HAS_ID_LIST:
            at += 2 + struct.unpack_from("<H", data, at)[0]
        if flags & _HAS_LINK_INFO:
            size = struct.unpack_from("<I", data, at)[0]
            found["local"] = _local_path(data[at : at + size])
            at += size
        width = 2 if flags & _UNICODE else 1
        for bit, name in _STRINGS:
            if flags & bit:
                count = struct.unpack_from("<H", data, at)[0] * width
                raw = data[at + 2 : at + 2 + count]
                found[name] = raw.decode("utf-16-le" if width == 2 else "cp1252", "replace")
                at += 2 + count
    except struct.error:
        pass  # A shortcut that is cut off starts nothing more than what was read.
    return found


def _local_path(info: bytes) -> str:
    """Give the local base path of a LinkInfo structure (MS-SHLLINK 2.3), or the network share."""
    flags, _, base, network = struct.unpack_from("<IIII", info, 8)
    at = base if flags & 1 else network + 20 if flags & 2 else 0
    return info[at : info.find(b"\0", at)].decode("cp1252", "replace") if 0 < at < len(info) else ""


_TARGET: Final = re.compile(
    r"^[^\S\r\n]*(?:URL|Exec|full address|alternate shell)\s{0,5}[=:](?:s:)?([^\r\n]{1,500})|<(?:url|DeepLink|string)>([^<]{1,500})<|\"uri\"\s*:\s*\"([^\"]{1,500})",
    re.IGNORECASE | re.MULTILINE,
)
_PLACE: Final = re.compile(
    r"^[^\S\r\n]*(?:IconFile|WorkingDirectory)\s{0,5}=([^\r\n]{1,500})", re.IGNORECASE | re.MULTILINE
)
"""Where a shortcut takes its picture from and where it starts: a share there hands over the reader's password hash."""
_QUOTED: Final = " \t\"'"


def inspect_shortcut(notes: Notes, data: bytes) -> None:
    """Say where a shortcut that is a text leads: .url, .desktop, .webloc, .library-ms, .settingcontent-ms, .rdp; never raises."""
    source = decoded(data[: file_limits.SHORTCUT_BYTES])
    if len(data) > file_limits.SHORTCUT_BYTES:
        notes.find("partial", "was read at its beginning only")
        notes.find("shortcut", "is a shortcut so padded that what it opens is not looked for")
    targets = [next(filter(None, match.groups())).strip(_QUOTED) for match in _TARGET.finditer(source)]
    notes.links_in(source)
    for place in (match[1].strip(_QUOTED) for match in _PLACE.finditer(source)):
        if _elsewhere(place):
            notes.find("shortcut", f"is a shortcut that opens a file on another computer: {place[:160]}")
    for target in targets:
        if _elsewhere(target):
            notes.find("shortcut", f"is a shortcut that opens a file on another computer: {target[:160]}")
        elif not target.lower().startswith(("http:", "https:")):
            notes.find("shortcut", f"is a shortcut to {target[:160]}")
    if targets and not notes.found("shortcut"):
        notes.find("weblink", f"is a link to {targets[0][:160]}")


def _elsewhere(target: str) -> bool:
    low = target.lower()
    return low.startswith(("file:", "\\\\", "//", "smb:", "search-ms:")) or "davwwwroot" in low
