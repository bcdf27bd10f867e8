"""The virus scanner door: bytes in, a typed answer out; clamd, an ICAP server or a command behind it."""
