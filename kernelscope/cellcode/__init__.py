"""What the source of a cell can do, read from its syntax alone."""
