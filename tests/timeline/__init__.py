"""Tests the verdicts and the timeline with facts made by hand."""
