"""Tests the forecasts of re-running a cell with facts made by hand."""
