"""Judges of tales: pure functions from a tale and its story to why a promise is broken."""
