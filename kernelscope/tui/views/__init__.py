"""The text of every screen, as lines of styled spans: pure functions of the timeline."""
