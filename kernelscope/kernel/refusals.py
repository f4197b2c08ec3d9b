"""Why the loader in the kernel refuses a request, as errors with a next step."""

from __future__ import annotations

from kernelscope.errors import KernelError, ProbeError, UnsupportedKernelError
from kernelscope.protocol.wire import Refusal


def refusal_error(refusal: Refusal) -> KernelError:
    """The error that a refusal ends an attachment with."""
    match refusal.error:
        case "unsupported":
            return UnsupportedKernelError(
                f"this kernel cannot be attached to: {refusal.detail}",
                "kernelscope attaches to IPython kernels: ipykernel 6 or 7.",
            )
        case "version":
            return ProbeError(
                f"another version of kernelscope ({refusal.detail}) already watches this kernel",
                "Quit that one or use its version. `kernelscope detach` removes its probe.",
            )
        case _:
            return ProbeError("the probe failed to install and was rolled back", refusal.detail)
