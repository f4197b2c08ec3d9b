"""What kernelscope knows of PyTorch."""
