"""What running a cell again would do: one run, simulated.  ``forecaster`` is the way in."""
