"""Stage 1: SMTP events in, Envelope and Message out."""
