"""What kernelscope knows of statsmodels."""
