"""What kernelscope knows of XGBoost."""
