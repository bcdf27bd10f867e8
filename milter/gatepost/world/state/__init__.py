"""The state door: what the site remembers, in Redis or in an embedded SQLite file, and in memory when both fail."""
