"""What kernelscope knows of LightGBM."""
