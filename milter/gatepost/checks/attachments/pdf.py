"""PDF documents: what they do by themselves, what they carry, where they lead, what they say.

Objects are read by qpdf (pikepdf), which repairs what readers repair and opens object streams and ciphers; names are
compared after their escapes (`/J#61vaScript`) are undone, by it. Text is taken by PDFium, which also draws the first pages
of short documents, because codes for telephones are sent as drawings as often as pictures. Both are C and run in the jail.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Final

import pikepdf
import pypdfium2

from gatepost.checks.attachments.codes import note_codes
from gatepost.checks.attachments.elsewhere import in_own_network, on_share
from gatepost.checks.attachments.macros import inflated
from gatepost.checks.attachments.notes import Notes
from gatepost.mail import file_limits, limits

_SHORT: Final = 3_000
"""Characters of text from which on a document is no mere carrier of a code, and is not drawn."""
_NESTED: Final = 6
"""How deeply objects are followed that stand within one another; writers of PDF seldom need three."""
_ENTRIES: Final = 1_000
"""Entries of one dictionary or array that are looked at: arrays of a thousand are fonts' widths and pages' lists."""
_TELLING: Final = frozenset({"/S", "/JS", "/EF", "/RichMediaContent"})
"""Keys by which an action or a file is known."""
_ACTING: Final = frozenset(
    "/A /AA /PA /Next /OpenAction /Names /JavaScript /EmbeddedFiles /Kids /Annots /Fields /AcroForm /Outlines /First /FS".split()
)
"""Entries that lead to actions and files (ISO 32000-1 12.6, 7.11); following all others would cost ten times as much."""
_SCALE: Final = 1.6
"""Pixels per point at which a page is drawn: an A4 page has a million then."""
_NAME_ESCAPE: Final = re.compile(rb"#([0-9A-Fa-f]{2})")
_STREAM: Final = re.compile(rb"stream\r?\n")
_RAW: Final = ((rb"/JavaScript\b|/JS\b", "javascript", "holds JavaScript"), (rb"/Launch\b", "launch", "starts a program"),
    (rb"/EmbeddedFile\b", "embedded", "holds files"), (rb"/RichMedia\b", "object", "holds rich media"))  # fmt: skip
_URI: Final = re.compile(rb"/URI\s{0,10}\(((?:https?|ftp)[^)\r\n]{3,2000})\)")


def inspect_pdf(notes: Notes, data: bytes, passwords: Iterable[str] = ()) -> None:
    """Read a PDF; files in it become members. Takes passwords to try. Never raises."""
    document, password = _open(notes, data, passwords)
    if document is not None:
        with document:
            _walk(notes, document)
    elif not notes.found("encrypted"):
        _scan(notes, data)
    if not notes.found("encrypted"):
        _read(notes, data, password)


def _open(notes: Notes, data: bytes, passwords: Iterable[str]) -> tuple[pikepdf.Pdf | None, str]:
    """Open a document, with a password if it needs one; gives it, and the password that opened it."""
    for password in chain(("",), passwords):
        try:
            document = pikepdf.open(io.BytesIO(data), password=password, suppress_warnings=True)
        except pikepdf.PasswordError:
            continue
        except Exception:  # noqa: BLE001  qpdf's errors on damaged files are of many types
            return None, ""
        if password:
            notes.find("decrypted", "opens with a password that the message gives")
        return document, password
    notes.find("encrypted", "is a PDF that needs a password to be read")
    return None, ""


def _walk(notes: Notes, document: pikepdf.Pdf) -> None:
    """Visit the objects of a document, each once."""
    try:
        _automatic(notes, document.Root)
        for count, item in enumerate(document.objects):
            if count >= file_limits.PDF_OBJECTS:
                notes.find("partial", f"has more than the {file_limits.PDF_OBJECTS:,} objects that are looked at")
                return
            for each in _within(item, _NESTED):
                _visit(notes, each)
    except Exception as error:  # noqa: BLE001  damaged objects raise what they like
        notes.find("damaged", f"is a damaged PDF ({type(error).__name__})")


def _automatic(notes: Notes, root: pikepdf.Object) -> None:
    """See what happens when the document is opened (ISO 32000-1 12.6.3); going to a page is what honest ones do."""
    action = root.get("/OpenAction")
    if isinstance(action, pikepdf.Dictionary):
        kind = str(action.get("/S", ""))
        if kind not in {"", "/GoTo", "/Named"}:
            notes.find("openaction", f"does something by itself when it is opened ({kind.lstrip('/')})")
    if _runs_on_events(root):
        notes.find("openaction", "runs JavaScript by itself on events of the document")
    names = root.get("/Names")
    if isinstance(names, pikepdf.Dictionary) and "/JavaScript" in names:
        notes.find("openaction", "runs JavaScript by itself when it is opened")
    form = root.get("/AcroForm")
    if isinstance(form, pikepdf.Dictionary) and "/XFA" in form:
        notes.find("xfa", "holds an XFA form, which may hold script")


def _runs_on_events(item: pikepdf.Object) -> bool:
    """Whether a catalog or a page runs JavaScript on events (ISO 32000-1 12.6.3): when it is opened, closed, shown."""
    return "/AA" in item and any("/JS" in each for _, each in _entries(item.get("/AA")))


def _entries(item: pikepdf.Object | None) -> Iterator[tuple[str, pikepdf.Object]]:
    """Give the dictionaries that stand directly in a dictionary."""
    if isinstance(item, (pikepdf.Dictionary, pikepdf.Stream)):
        for key in islice(item.keys(), 100):
            value = item.get(key)
            if isinstance(value, pikepdf.Dictionary):
                yield key, value


def _visit(notes: Notes, item: pikepdf.Object) -> None:
    """See what one dictionary is: an action, a file, or neither, which is told by its keys at once."""
    present = item.keys()
    if "/AA" in present and item.get("/Type") == "/Page" and _runs_on_events(item):
        notes.find("openaction", "runs JavaScript by itself when a page is shown")
    keys = present & _TELLING
    if not keys:
        return
    kind = str(item.get("/S", "")) if "/S" in keys else ""
    if "/JS" in keys or kind == "/JavaScript":
        notes.links_in(_text(item.get("/JS")))
        notes.find("javascript", "holds JavaScript")
    if kind == "/Launch":
        notes.find("launch", f"starts a program: {_target(item)}")
    elif kind in {"/GoToR", "/GoToE", "/ImportData"}:
        _on_share(notes, _target(item))
    elif kind == "/URI":
        _link(notes, _text(item.get("/URI")))
    elif kind == "/SubmitForm":
        notes.find("submit", f"sends what is filled in to {_target(item)}")
        notes.links_in(_target(item))
    if "/RichMediaContent" in keys:
        notes.find("object", "holds rich media, which may be a program")
    if "/EF" in keys:
        _embedded(notes, item)


def _link(notes: Notes, target: str) -> None:
    _on_share(notes, target)
    notes.link(target)


def _on_share(notes: Notes, target: str) -> None:
    """Tell of a target on another computer; one in the writer's own network is what documents of companies link to."""
    if on_share(target):
        word = "external" if in_own_network(target) else "launch"
        notes.find(word, f"opens a file on another computer: {target[:200]}")


def _within(item: pikepdf.Object, depth: int, *, every: bool = False) -> Iterator[pikepdf.Object]:
    """Give an object, if it is a dictionary, and those in it, not objects of their own, that a reader may act upon.

    `every` says that each entry may be one: those of an /AA are named after the events that start them.
    """
    if isinstance(item, (pikepdf.Dictionary, pikepdf.Stream)):
        yield item
        keys = item.keys()
        inner = [(key, item.get(key)) for key in (islice(keys, _ENTRIES) if every else keys & _ACTING)]
    elif isinstance(item, pikepdf.Array):
        inner = [("", value) for value in islice(iter(item), _ENTRIES)]
    else:
        return
    if depth:
        for key, value in inner:
            if isinstance(value, (pikepdf.Dictionary, pikepdf.Array)) and not value.is_indirect:
                yield from _within(value, depth - 1, every=key == "/AA")


def _text(value: pikepdf.Object | None) -> str:
    """Give a string or a stream as text."""
    if isinstance(value, pikepdf.Stream):
        try:
            return value.read_bytes()[: file_limits.MARKUP_BYTES].decode("latin-1")
        except pikepdf.PdfError:
            return ""
    return str(value) if value is not None else ""


def _target(action: pikepdf.Object) -> str:
    """Give the file that an action names (ISO 32000-1 7.11)."""
    place = action.get("/F") or action.get("/Win")
    if isinstance(place, pikepdf.Dictionary):
        place = place.get("/UF") or place.get("/F") or place.get("/P")
    return _text(place)[:200] or "an unnamed file"


def _embedded(notes: Notes, item: pikepdf.Object) -> None:
    """Give an attached file (ISO 32000-1 7.11.4) as a member."""
    name = str(item.get("/UF") or item.get("/F") or "")
    notes.find("embedded", f"holds files ({name[:80] or 'unnamed'})")
    places = item.get("/EF")
    if not isinstance(places, pikepdf.Dictionary):
        return
    for stream in (places.get(key) for key in ("/F", "/UF", "/DOS", "/Unix")):
        if isinstance(stream, pikepdf.Stream):
            notes.hold(name, stream.read_bytes())
            return


def _scan(notes: Notes, data: bytes) -> None:
    """Look through what cannot be opened as a document: as it stands and inflated, since some reader may repair it."""
    notes.find("damaged", "is a PDF too damaged to be opened")
    for piece in (data, *_inflated(data)):
        plain = _NAME_ESCAPE.sub(lambda match: bytes((int(match[1], 16),)), piece) if b"#" in piece else piece
        for pattern, word, detail in _RAW:
            if re.search(pattern, plain):
                notes.find(word, detail)
        for match in islice(_URI.finditer(plain), limits.URLS):
            notes.link(match[1].decode("latin-1"))


def _inflated(data: bytes) -> Iterator[bytes]:
    """Give the Flate streams of a damaged file, bounded in number and bytes."""
    left = file_limits.OFFICE_PART_BYTES
    for match in islice(_STREAM.finditer(data), 500):
        piece = inflated(data, match.end(), left)
        left -= len(piece)
        yield piece
        if left <= 0:
            return


def _read(notes: Notes, data: bytes, password: str) -> None:
    """Take the text of the first pages, and read codes on the first pages of a short document."""
    try:
        document = pypdfium2.PdfDocument(data, password=password or None)
    except pypdfium2.PdfiumError:
        return
    try:
        pages = min(len(document), file_limits.PDF_PAGES)
        texts = [_page_text(document[number]) for number in range(pages)]
        for text in texts:
            notes.read(text)
        if sum(map(len, texts)) < _SHORT:
            for number in range(min(pages, file_limits.PDF_PAGES_DRAWN)):
                _draw(notes, document[number])
    except pypdfium2.PdfiumError:
        notes.find("damaged", "is a PDF with pages too damaged to be read")
    finally:
        document.close()


def _page_text(page: pypdfium2.PdfPage) -> str:
    return str(page.get_textpage().get_text_bounded())[: file_limits.FILE_TEXT_CHARACTERS]


def _draw(notes: Notes, page: pypdfium2.PdfPage) -> None:
    """Draw a page in grey and read its codes; a page of absurd size is drawn smaller."""
    width, height = page.get_size()
    pixels = max(width * height * _SCALE * _SCALE, 1.0)
    scale = _SCALE * min(1.0, (4_000_000 / pixels) ** 0.5)
    note_codes(notes, page.render(scale=scale, grayscale=True).to_pil())
