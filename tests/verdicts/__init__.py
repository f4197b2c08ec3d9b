"""Tests the judgement of single objects."""
