"""Undoing what hides content in a body: each transfer encoding in every way that readers are known to undo it."""
