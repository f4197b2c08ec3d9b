"""Frozen values that every other package shares: facts, changes, events."""
