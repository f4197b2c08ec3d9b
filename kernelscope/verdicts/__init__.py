"""From the facts of one look to changes."""
