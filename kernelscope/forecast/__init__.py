"""What running a cell again would do."""
