"""What crosses the wire, and what is written out."""
