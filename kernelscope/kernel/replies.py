"""The requests that an attachment asks for and the replies that it is given, as the loader reads and writes them."""

from __future__ import annotations

from typing import TypeVar

from kernelscope.domain.events import Event
from kernelscope.errors import KernelError, ProbeError
from kernelscope.kernel.attach_options import AttachOptions
from kernelscope.kernel.attachment import Attachment
from kernelscope.kernel.attachment_states import Request
from kernelscope.kernel.inject import GREETING, ProbeRequest, attach
from kernelscope.kernel.refusals import refusal_error
from kernelscope.protocol.wire import (
    AttachReply,
    Greeting,
    Refusal,
    WireError,
    decode_answer,
    decode_attach_in_steps,
)
from kernelscope.text import clean
from kernelscope.turns import Turns

T = TypeVar("T")


def build_request(attachment: Attachment, watcher: str, options: AttachOptions) -> ProbeRequest:
    """The request that the attachment asks for in its state.

    Args:
        watcher: names this watcher to the probe.
    """
    greeting = attachment.greeting
    if attachment.request is Request.ATTACH and greeting is not None:
        return attach(watcher, greeting, keep=options.keep, poll=options.poll, visits=options.visits)
    return GREETING


async def receive_reply(attachment: Attachment, text: str, now: float) -> list[Event]:
    """Gives the attachment the reply to the request that it asked for.

    Raises:
        ProbeError: the reply cannot be read.
        UnsupportedKernelError: there is no IPython to attach to.
    """
    if attachment.request is Request.ATTACH:
        return attachment.receive_attach_reply(await decode_attach_reply(text), now)
    return attachment.receive_greeting(decode_reply(text, Greeting))


def decode_reply(text: str, wanted: type[T]) -> T:
    """The loader's reply to a request.

    Args:
        wanted: the type of the reply, unless the loader refuses.

    Raises:
        ProbeError: the loader did not do what was asked, or its reply cannot be read.
        UnsupportedKernelError: there is no IPython to attach to.
    """
    try:
        reply = decode_answer(text, wanted)
    except WireError as error:
        raise _unreadable(error) from error
    # fault: 15d
    if isinstance(reply, Refusal):
        raise refusal_error(reply)
    return reply


async def decode_attach_reply(text: str) -> AttachReply | Refusal:
    """The loader's reply to an attach.  A long history is decoded in steps, so that a signal is served meanwhile.

    Raises:
        ProbeError: it cannot be read.
    """
    try:
        return await Turns().run(decode_attach_in_steps(text))
    except WireError as error:
        raise _unreadable(error) from error


def _unreadable(error: WireError) -> KernelError:
    return ProbeError("the kernel's reply cannot be read", clean(str(error)))
