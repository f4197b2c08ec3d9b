"""What comes from a kernel, as values: signed messages, and news of the connection."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class Message(Struct, frozen=True):
    """One signed message of the kernel."""

    channel: str
    type: str
    session: str
    """The kernel's session id: another id means another process."""
    parent_id: str
    parent_type: str
    content: dict[str, Any]
    """Empty for types of messages that kernelscope does not read."""
    subshell: bool = False
    """Whether the request was sent to a subshell, which runs beside the main shell (ipykernel 7)."""

    def is_idle(self) -> bool:
        """Whether the kernel reports that it has finished a request."""
        return self.type == "status" and self.content.get("execution_state") == "idle"

    def is_idle_after(self, request: str) -> bool:
        """Whether the kernel reports that it has finished this request."""
        return self.parent_id == request and self.content.get("execution_state") == "idle"


class BadSignature(Struct, frozen=True):
    """A message that the key in the connection file did not sign."""


class TooLong(Struct, frozen=True):
    """A message longer than any that kernelscope reads; its signature was not checked."""

    channel: str
    type: str
    parent_id: str
    size: int


class ConnectionStatus(Struct, frozen=True):
    """Both channels are connected, or one of them broke."""

    up: bool


Signal = Message | BadSignature | TooLong | ConnectionStatus
