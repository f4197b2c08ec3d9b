"""Tests the values that all packages share."""
