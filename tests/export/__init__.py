"""The timeline as lines, and the list of kernels."""
