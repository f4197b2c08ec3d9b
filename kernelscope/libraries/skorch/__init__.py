"""What kernelscope knows of skorch."""
