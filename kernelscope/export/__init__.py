"""The timeline in other forms than the screen."""
