"""Every command, declared once: its key, its place in the footer, the palette and the help, and what it does."""
