"""Tests that compare the reference pages with the code."""
