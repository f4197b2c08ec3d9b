"""What kernelscope knows of Prophet."""
