"""Discovery, attach and the live source, against real kernels."""
