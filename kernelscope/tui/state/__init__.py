"""What the screen shows and where the reader is on it; no Textual, no I/O."""
