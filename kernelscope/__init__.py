"""kernelscope: what each run of a notebook cell does to each model in a live Jupyter kernel."""

__version__ = "0.1.0"
"""Read from here by the build, too: asking the installed metadata for it takes longer than the rest of ``--help``."""
