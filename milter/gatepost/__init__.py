"""Gatepost: a content-filter sidecar for the mail servers people already run."""

__version__ = "0.1.0"
