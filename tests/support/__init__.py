"""What several tests need: real kernels, real terminals."""
