"""``python -m kernelscope``."""

from kernelscope.cli import main

main()
