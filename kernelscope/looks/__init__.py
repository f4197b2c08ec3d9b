"""What verdicts look like and how they are told, on a terminal's screen and on a page alike."""
