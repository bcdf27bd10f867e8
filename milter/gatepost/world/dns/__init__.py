"""The DNS door: a Protocol, a live resolver with a cache, and a fake that answers from a map."""
