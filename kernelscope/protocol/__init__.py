"""What crosses the wire and what is written out: typed, decoded once, errors that name the field."""
