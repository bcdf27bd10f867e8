"""Offline: corpus, fit, evaluate, card."""
