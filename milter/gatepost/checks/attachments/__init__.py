"""The attachments family: what is attached, what it really is, and what is inside."""
