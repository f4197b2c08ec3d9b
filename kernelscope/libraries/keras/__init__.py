"""What kernelscope knows of Keras."""
