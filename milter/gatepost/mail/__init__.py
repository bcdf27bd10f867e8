"""Nouns: address, envelope, message, MIME, limits. Pure."""
