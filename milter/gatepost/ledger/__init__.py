"""Stage 5: what happened: the one canonical record and its sinks."""
