"""Pure: from observations to generations, changes, verdicts and re-runs.  No clock, no I/O."""
