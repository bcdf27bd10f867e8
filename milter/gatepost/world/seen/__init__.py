"""Under which names what was seen before is kept: the same for the checks that ask and for the effects that remember."""
