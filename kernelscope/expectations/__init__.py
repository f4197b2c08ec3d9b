"""The language of ``--expect`` and its checker."""
