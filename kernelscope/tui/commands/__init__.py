"""Every command, declared once; footer, palette, help and tooltips are derived from the declaration."""
