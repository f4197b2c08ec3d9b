"""What running a cell again would do, from facts made by hand."""
