"""What the screen shows, computed: no Textual, no I/O, every piece testable on its own."""
