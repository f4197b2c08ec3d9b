"""What kernelscope knows of CatBoost."""
