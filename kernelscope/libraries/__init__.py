"""What kernelscope knows of each library."""
