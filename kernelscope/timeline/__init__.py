"""Applies events, remembers what they changed, and answers questions about it.  No clock, no I/O."""
