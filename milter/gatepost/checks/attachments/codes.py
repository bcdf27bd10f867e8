"""Codes that a camera reads: QR, Micro QR, Aztec and Data Matrix in images.

A link in a code passes every filter that reads text, and leads to a telephone that no filter guards. Images are decoded by
Pillow and read by ZXing, both C: this runs in the jail alone.
"""

from __future__ import annotations

import io
import warnings
from typing import Final

import zxingcpp
from PIL import Image

from gatepost.checks.attachments.notes import Notes
from gatepost.mail import file_limits

Image.MAX_IMAGE_PIXELS = file_limits.IMAGE_PIXELS

_FORMATS: Final = zxingcpp.barcode_formats_from_str("QRCode,MicroQRCode,Aztec,DataMatrix")
_DECODERS: Final = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "ICO")
"""Formats that are decoded; Pillow's others start programs (EPS) or are rare."""
_SMALLEST: Final = 40
"""Pixels of the shorter side below which an image holds no code that a camera could read."""
_WIDEST: Final = 1_500
"""Pixels of the longer side to which an image is reduced: a code on a photographed page is still read, in 30 ms."""


def inspect_image(notes: Notes, data: bytes) -> None:
    """Note what the codes in an image say: as links, or as text. Never raises."""
    image = _image(data)
    if image is not None:
        note_codes(notes, image)


def note_codes(notes: Notes, image: Image.Image) -> None:
    """Note what the codes in a decoded image say."""
    for code in zxingcpp.read_barcodes(image, formats=_FORMATS)[: file_limits.CODES_READ]:
        said = code.text.strip()
        if said:
            notes.find("qr", f"shows a code that says {said[:120]}")
            notes.read(said)
            if "://" not in said and said.lower().startswith(("www.", "mailto:", "tel:", "wifi:")):
                notes.link(said)


def _image(data: bytes) -> Image.Image | None:
    """Decode an image to grey, or give None for one that is none, too small or too large."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            image = Image.open(io.BytesIO(data), formats=_DECODERS)
            if min(image.size) < _SMALLEST or image.width * image.height > file_limits.IMAGE_PIXELS:
                return None
            image.draft("L", (_WIDEST, _WIDEST))
            return _flat(image)
    except Exception:  # noqa: BLE001  Pillow's decoders raise nearly everything on what is broken
        return None


def _flat(image: Image.Image) -> Image.Image:
    """Give the first picture of an image in grey on white."""
    image.thumbnail((_WIDEST, _WIDEST), Image.Resampling.BILINEAR)
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        layered = image.convert("RGBA")
        ground = Image.new("RGBA", layered.size, "white")
        return Image.alpha_composite(ground, layered).convert("L")
    return image.convert("L")
