"""The states of an attachment and the triggers that move it between them, as a table.

::

      start
        │      ┌────────(stale)────────┐
        ▼      ▼                       │
     GREETING ──(answered)──► ATTACHING ──(joined)──► LISTENING ──(run missed)──► CHECKING
        ▲                         │                     │   ▲                         │
        │                     (visited)            (detached)└────(hooks intact)──────┘
        │                         ▼                     ▼
        │                       ENDED                 ENDED
        │
        └──(returned)── AWAY ──(gone)──► ENDED

     connection lost: from GREETING, ATTACHING, LISTENING and CHECKING to AWAY
     stranger met:    from LISTENING to AWAY
     detached:        also from CHECKING and AWAY
     failed:          from every state to ENDED

Which process answers is known by the session id in its messages, never by its ports.  A tunnel that drops
and returns leads to the same session: the same probe is joined again, and its history fills the gap.  Any
other session is a restart: the next attach begins a new epoch.  A message from a session that is
neither the kernel's nor known to be a stranger's means that another process may have taken the ports: the
kernel is greeted again to find out.

The probe numbers its observations, and each is a difference to the one before.  So they are reported in
order and once: a number that was reported is dropped, and numbers that never came are reported as ``Lost``.

A push can overtake the answer to the attach, because the two come on different channels.  Such early
messages are kept until the answer names the probe's comm.

While connected, a kernel gives signs of life: it echoes heartbeats, and while a cell runs the probe sends
pulses.  A kernel without them is reported as ``unreachable`` with the reason, then ``back``; a kernel that
announced its shutdown is silent for a good reason and is not reported.
"""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """Where an attachment stands."""

    GREETING = "asks which kernel answers"
    ATTACHING = "asks this kernel to install the probe or to join it"
    LISTENING = "reports what the probe and the kernel send"
    CHECKING = "asks whether the probe's hooks are still in place"
    AWAY = "waits until a kernel answers again"
    ENDED = "is over"


class Trigger(Enum):
    """What moves an attachment from one state to another."""

    ANSWERED = "the kernel said which process it is"
    STALE = "the kernel handled the attach request too late"
    JOINED = "the probe is in the kernel and reports to this watcher"
    VISITED = "the probe reported all it knows to a watcher that does not stay"
    RUN_MISSED = "the kernel counted a run that the probe did not report"
    HOOKS_INTACT = "the probe's hooks are in place"
    STRANGER_MET = "another session speaks"
    CONNECTION_LOST = "the connection broke"
    RETURNED = "a kernel answers again"
    DETACHED = "the probe was removed on request"
    GONE = "the kernel does not return"
    FAILED = "the attachment cannot go on"


TRANSITIONS: dict[State, dict[Trigger, State]] = {
    State.GREETING: {
        Trigger.ANSWERED: State.ATTACHING,
        Trigger.CONNECTION_LOST: State.AWAY,
        Trigger.FAILED: State.ENDED,
    },
    State.ATTACHING: {
        Trigger.JOINED: State.LISTENING,
        Trigger.VISITED: State.ENDED,
        Trigger.STALE: State.GREETING,
        Trigger.CONNECTION_LOST: State.AWAY,
        Trigger.FAILED: State.ENDED,
    },
    State.LISTENING: {
        Trigger.RUN_MISSED: State.CHECKING,
        Trigger.STRANGER_MET: State.AWAY,
        Trigger.CONNECTION_LOST: State.AWAY,
        Trigger.DETACHED: State.ENDED,
        Trigger.FAILED: State.ENDED,
    },
    State.CHECKING: {
        Trigger.HOOKS_INTACT: State.LISTENING,
        Trigger.CONNECTION_LOST: State.AWAY,
        Trigger.DETACHED: State.ENDED,
        Trigger.FAILED: State.ENDED,
    },
    State.AWAY: {
        Trigger.RETURNED: State.GREETING,
        Trigger.DETACHED: State.ENDED,
        Trigger.GONE: State.ENDED,
        Trigger.FAILED: State.ENDED,
    },
    State.ENDED: {},
}
"""The only way in which a state follows another; see the drawing at the top."""


class Request(Enum):
    """What the attachment needs to ask the kernel."""

    GREET = "greet"
    ATTACH = "attach"


REQUESTS = {
    State.GREETING: Request.GREET,
    State.CHECKING: Request.GREET,
    State.ATTACHING: Request.ATTACH,
}
"""The states that ask for a request."""
