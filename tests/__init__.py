"""The tests of kernelscope."""
