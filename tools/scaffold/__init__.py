"""Proves that what `poe new-resource` makes is green, and red where it is broken."""
