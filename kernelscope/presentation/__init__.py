"""Every sentence, verb, glyph and colour."""
