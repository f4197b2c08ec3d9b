"""The values that all packages share."""
