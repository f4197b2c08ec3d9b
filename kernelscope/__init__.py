"""kernelscope: what each run of a notebook cell does to each model in a live Jupyter kernel."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("kernelscope")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"
