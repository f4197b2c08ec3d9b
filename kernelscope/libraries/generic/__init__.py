"""What kernelscope knows of objects of unknown origin."""
