"""[headers]: what a site may choose about the header block."""

from __future__ import annotations

from pydantic import BaseModel, Field


class Settings(BaseModel, frozen=True, extra="forbid"):
    """[headers]."""

    signing_key: str = Field(
        default="",
        max_length=512,
        description="Secret that signs X-Gatepost-Verdict, the same on all nodes; empty: made once and kept beside the embedded state.",
    )
    received_spf: bool = Field(
        default=False,
        description="Add a Received-SPF field (RFC 7208 9.1) for filters that read no Authentication-Results; copies from outside are removed then.",
    )
