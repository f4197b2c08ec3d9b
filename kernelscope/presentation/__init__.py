"""Every sentence, verb, glyph and colour: the only place where English is made."""
