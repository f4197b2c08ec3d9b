"""The dashboard: the only place where Textual is used."""
