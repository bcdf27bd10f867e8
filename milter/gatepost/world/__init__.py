"""Doors to the outside: DNS, state, scanner, clock; a Protocol each, a live form, a fake."""
