"""Tests the export formats, and the list of kernels."""
