"""What a part of a site says about itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Organ:
    """One part of a site in words for people, and whether it is well."""

    text: str
    well: bool
