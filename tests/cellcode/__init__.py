"""Tests the reader of cell source with made-up cells."""
