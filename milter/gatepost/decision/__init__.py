"""Stage 3: evidence to verdict; pure: no I/O, no clock, no threads."""
