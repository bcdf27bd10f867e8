"""Every number that an attached file could otherwise choose: its value, its source, and what happens past it.

As limits.py, for what is read of files and how far archives are opened. What a site may set differently stands in `[attachments]`.
"""

from __future__ import annotations

from typing import Final

# --- attachments: what is read of one file -----------------------------------------------------------------------
FILE_TEXT_CHARACTERS: Final = 64 * 1024
"""Characters of text that are taken out of one file for the content check. The rest is not read."""

FILE_MEMBERS: Final = 100
"""Files given out of one document, web page or message (real ones stay under 50). Past it `attachment.limit` says so."""

FILE_MEMBER_BYTES: Final = 64 * 1024 * 1024
"""Bytes of all files given out of one document together; past it as FILE_MEMBERS."""

NAME_CHARACTERS: Final = 1_024
"""Characters of a file name that are looked at (file systems allow 255). The rest is cut off from the front."""

MARKUP_BYTES: Final = 3 * 1024 * 1024
"""Bytes of a web page, a drawing or a script that are searched (smuggled programs make pages of some megabytes). Past it
the middle is not, and `attachment.partial` says so."""

LITERALS: Final = 200
"""Encoded literals of one page that are decoded. The rest are not."""

SPREAD_LEVELS: Final = 3
"""Layers of encoding that are peeled off one script before it is left to the scanner."""

OFFICE_PARTS: Final = 5_000
"""Entries of one Office package that are listed (large workbooks have some hundreds). Past it `attachment.partial`."""

OFFICE_PART_BYTES: Final = 16 * 1024 * 1024
"""Bytes of one part of an Office package that are inflated. Past it as OFFICE_PARTS."""

OFFICE_BYTES: Final = 96 * 1024 * 1024
"""Bytes of all parts of one Office package that are inflated; past it as OFFICE_PARTS."""

XML_ELEMENTS: Final = 1_000_000
"""Elements of one document's XML that are read one by one (a book of 500 pages has some 300,000): about half a second. Past it as
OFFICE_PARTS, and the rest is searched as text."""

CARD_BYTES: Final = 16 * 1024 * 1024
"""Bytes of a calendar or a business card that are searched for files in it. The rest is not."""

MACRO_CHARACTERS: Final = 512 * 1024
"""Characters of the macro code of one document that are analysed. The rest is not."""

COMPOUND_STREAMS: Final = 5_000
"""Streams of one compound file that are listed; past it as OFFICE_PARTS."""

RTF_BYTES: Final = 8 * 1024 * 1024
"""Bytes of an RTF document that are searched. Past it `attachment.partial`."""

RTF_MARKS: Final = 250_000
"""Backslashes and braces of an RTF document with objects that are parsed, from the first object on: the parser is Python, 2 to 10
microseconds for each, so half a second and never more than 3. A hundred pages have fewer. Past it `attachment.partial`."""

PDF_OBJECTS: Final = 50_000
"""Objects of one PDF that are visited (a book of 500 pages has some 20,000). Past it `attachment.partial`."""

PDF_PAGES: Final = 10
"""Pages of a PDF whose text is read. The rest is not."""

PDF_PAGES_DRAWN: Final = 2
"""Pages of a PDF that are drawn to look for QR codes: some 50 ms each."""

SIGNED_PIECES: Final = 100_000
"""Pieces into which the content of a signed file may be cut (programs write some kilobytes in each). The rest is not read."""

IMAGE_PIXELS: Final = 24_000_000
"""Pixels of an image that is decoded to look for codes (a camera's picture). A larger one is not."""

IMAGES_READ: Final = 8
"""Images inside one document that are looked at for codes. The rest are not."""

CODES_READ: Final = 10
"""Codes read from one image. The rest are not."""

FILES_TOLD: Final = 50
"""Files of one message that are written down with hash, kind and size. The rest are looked into and not written down."""

HASH_LIST_BYTES: Final = 64 * 1024 * 1024
"""Bytes of a list of hashes (a million of them). A larger file is refused at start: it is our own mistake."""

SHORTCUT_BYTES: Final = 1024 * 1024
"""Bytes of a shortcut that are read (real ones have two kilobytes). The rest is not."""

# --- attachments: how far archives are opened ---------------------------------------------------------------------
UNPACK_DEPTH: Final = 12
"""Files inside files inside files that are opened (honest mail nests four deep; ClamAV stops at 17). Deeper ones stay closed
and `attachment.limit` says so."""

UNPACK_FILES: Final = 2_000
"""Files found inside all attachments of one message together. Past it the rest stays closed, as UNPACK_DEPTH."""

UNPACK_BYTES: Final = 256 * 1024 * 1024
"""Bytes unpacked from all attachments of one message together: about two seconds of work. Past it the rest stays closed:
`attachment.bomb` where the content is out of proportion (UNPACK_RATIO), else `attachment.limit`."""

UNPACK_FILE_BYTES: Final = 64 * 1024 * 1024
"""Bytes of one file inside an archive. A larger one is not kept and not looked into; past it as UNPACK_BYTES."""

UNPACK_RATIO: Final = 200
"""How many bytes may come out of one byte of an archive before what exceeds a limit is called a bomb. Text and data tables
reach 50, zeros 1,030 with deflate and far more with other methods."""

UNPACK_TEXT_CHARACTERS: Final = 1024 * 1024
"""Characters of text out of all attachments of one message together. The rest is not read."""

UNPACK_SHOWN: Final = 500
"""Files of one message that are handed on to other checks with text, links and hash. The rest are judged by themselves only."""

UNPACK_CONTENT_BYTES: Final = 16 * 1024 * 1024
"""Bytes of files laid open (decrypted, or of formats that the virus scanner does not unpack) that are handed to the virus
scanner, VIRUS_PARTS of them at most. Past it `attachment.limit` says so."""

ZIP_TAIL_BYTES: Final = 65_535 + 22
"""Bytes at the end of a ZIP file among which its end record stands (APPNOTE 4.3.16: a comment has 65,535 at most)."""

ZIP_STRAY_HEADERS: Final = 200
"""Local headers of a ZIP file that its directory does not list and that are opened none the less. Of the rest the names are read,
as many as UNPACK_FILES allows, and `attachment.limit` says so."""

ARCHIVE_MARKS: Final = 10_000
"""Places in one file that carry the mark of an archive and are looked at, for each of RAR, 7z and cabinet. The rest are not."""

PASSWORDS: Final = 40
"""Passwords that are tried on one message: those it quotes, and the customary ones. The rest are not."""

PASSWORD_CHARACTERS: Final = 64
"""Characters of a word that is tried as a password. A longer one is none."""

PASSWORD_NOTES: Final = 20
"""Letters and short texts inside of the files of a message in which passwords are looked for: two milliseconds each. The rest are not."""

PASSWORD_TEXT_CHARACTERS: Final = 64 * 1024
"""Characters of subject and text in which passwords are looked for. The rest is not read."""
