"""The README's pictures, and how they are made."""
