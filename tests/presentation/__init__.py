"""Tests the sentences, and how they are shown."""
