"""The source of cells, read from made-up cells."""
