"""What kernelscope knows of scikit-learn."""
