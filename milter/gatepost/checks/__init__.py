"""Stage 2: each check reads a message and reports evidence; it never decides."""
