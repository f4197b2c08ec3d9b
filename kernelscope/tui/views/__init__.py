"""What the screens tell, as lines of styled pieces: pure functions of the timeline."""
