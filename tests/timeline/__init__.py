"""The verdict engine, from facts made by hand."""
