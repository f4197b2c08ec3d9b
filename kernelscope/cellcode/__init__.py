"""What a cell does when it runs, read from its syntax alone.  ``reader`` is the way in."""
