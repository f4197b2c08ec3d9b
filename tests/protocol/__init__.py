"""Tests the wire format, the JSON records and the stored forms."""
