"""What kernelscope knows of flax.nnx."""
