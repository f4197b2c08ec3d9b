"""An attachment to a live kernel: the state machine.  Nothing here does I/O or reads a clock.

An ``Attachment`` is one watcher's view of one connection, which may lead to several kernel processes, one
after another.  Its states, and why there are these, are in ``attachment_states``.

``LiveSource`` and the audit do the I/O around it: they send the request that ``request`` names, pass in
what arrives (``receive_…``) and what they measure (``check_…``) together with the time, and report the events
that come back.  When ``state`` is ``ENDED``, ``error`` says why, unless it ended in order.
"""

from __future__ import annotations

from kernelscope.domain.events import (
    SHUT_DOWN,
    Attached,
    Detached,
    Event,
    KernelChanged,
    KernelState,
    Lost,
    Observed,
    Progress,
    Waiting,
)
from kernelscope.domain.facts import KernelFacts, Observation
from kernelscope.errors import KernelError, ProbeError, UnreachableError
from kernelscope.kernel.attachment_states import REQUESTS, TRANSITIONS, Request, State, Trigger
from kernelscope.kernel.missed_runs import MissedRunDetector
from kernelscope.kernel.refusals import refusal_error
from kernelscope.kernel.signals import Message
from kernelscope.kernel.signs_of_life import (
    FIRST_PULSE_S,
    Absence,
    ProcessStatus,
    SignsOfLife,
    explain_silence,
)
from kernelscope.protocol.wire import (
    WIRE,
    AttachReply,
    Greeting,
    Refusal,
    WireError,
    decode_observation,
    decode_pulse,
    decode_push,
)
from kernelscope.text import clean

MOST_STALE = 20
"""Attach requests in a row that the kernel may handle too late."""
_ATTACH_AGAIN = "kernelscope did not reinstall it. Attach again to continue."


class Attachment:
    """One watcher's attachment; see ``attachment_states`` for its states.

    Args:
        connection: how events and errors name the connection, safe to display.
        notebook: the notebook that the connection file names.
        visits: end with the answer to the attach.
    """

    def __init__(self, connection: str, *, notebook: str | None = None, visits: bool = False) -> None:
        self.state = State.GREETING
        self.error: KernelError | None = None
        """Why it ended; ``None`` while it goes on, and if it ended in order."""
        self.greeting: Greeting | None = None
        """The kernel's latest answer to a greeting."""
        self.reply: AttachReply | None = None
        """The answer of the probe that is listened to; ``None`` if its kernel has ended or it was detached."""
        self.session = ""
        """The session id of the kernel that the probe is in."""
        self.notebook = notebook
        self.signs_of_life = SignsOfLife()
        self._connection, self._visits = connection, visits
        self._epoch = 0
        self._seq = 0
        """The number of the latest observation that was reported."""
        self._stale = 0
        self._strangers: set[str] = set()
        """Sessions that are not the kernel's, or no longer: their messages are late or were sent again."""
        self._early: list[Message] = []
        """The probe's messages that came before its answer."""
        self._missed_runs = MissedRunDetector()
        self._absence = Absence()
        self._shut_down: bool | None = None
        """The kernel announced its shutdown: for good (``True``) or to restart (``False``)."""
        self._end_expected = False
        self._owes_renewal = self._renewal_due = False

    @property
    def request(self) -> Request | None:
        """What to ask the kernel in this state; ``None``: nothing."""
        return REQUESTS.get(self.state)

    @property
    def local_pid(self) -> int | None:
        """The process of the kernel that the probe is in; ``None`` on another machine, and if it has ended."""
        return self.reply.kernel.pid if self.reply is not None and self.reply.local else None

    # Inputs.

    def receive_greeting(self, greeting: Greeting) -> list[Event]:
        """The kernel answered a greeting: another session than before is a restart."""
        if self.state is State.CHECKING:
            return self._check_hooks(greeting)
        if self.state is not State.GREETING:
            return []
        self.greeting = greeting
        events = self._restart() if greeting.session != self.session else []
        self._move(Trigger.ANSWERED)
        return events

    def receive_attach_reply(self, reply: AttachReply | Refusal, now: float) -> list[Event]:
        """The kernel answered an attach: the probe is in it, or it says why not."""
        if self.state is not State.ATTACHING:
            return []
        if isinstance(reply, Refusal):
            return self._receive_refusal(reply)
        if reply.wire != WIRE:
            return self._fail(refusal_error(Refusal("version", reply.version)))
        events = self._join(reply)
        if self._visits:
            self.reply = None  # a visitor holds no lease that it could give back
            self._move(Trigger.VISITED)
            return [*events, Detached("only asked what is known")]
        self._move(Trigger.JOINED)
        events += self._read_early(now)
        self.signs_of_life.begin()
        return events

    def receive_message(self, message: Message, now: float) -> list[Event]:
        """The kernel sent something that answers no request of this watcher."""
        if self.state in (State.GREETING, State.ATTACHING):
            self._early += [message] if message.type == "comm_msg" else []
            return []
        is_stranger = message.session != self.session
        if self.state is State.LISTENING and is_stranger and message.session not in self._strangers:
            # Another process may have taken the ports; if so, joining it makes this session the kernel's.
            self._strangers.add(message.session)
            self.lose_connection(now, Trigger.STRANGER_MET)
        if self.state is State.ENDED or is_stranger:
            return []
        events = self._read(message, now)
        # fault: 34a
        if self._missed_runs.has_missed and message.is_idle() and self.state is State.LISTENING:
            self._missed_runs.forget()
            self._move(Trigger.RUN_MISSED)
        return events

    def lose_connection(self, now: float, trigger: Trigger = Trigger.CONNECTION_LOST) -> None:
        """The connection broke: nothing may be sent until a kernel answers again."""
        if self.state not in (State.AWAY, State.ENDED):
            self._absence.begin(now, "unreachable" if self.signs_of_life.silence else None)
            self._move(trigger)

    def expect_end(self) -> None:
        """The program that started the kernel is about to end it: its silence from here on is no fault."""
        self._end_expected = True

    def check_life(self, now: float, process: ProcessStatus) -> list[Event]:
        """Reports when a connected kernel falls silent, and when it answers again."""
        if self._is_ending(process):
            return []
        silence = self.signs_of_life.find_silence(now, process)
        if bool(silence) == bool(self.signs_of_life.silence):
            return []
        self.signs_of_life.silence = silence
        return [KernelChanged(self._epoch, "unreachable" if silence else "back", silence)]

    def check_return(
        self, now: float, process: ProcessStatus, *, answers: bool, has_file: bool
    ) -> list[Event]:
        """While away: whether a kernel answers again, or never will.

        Args:
            answers: the connection stands and a heartbeat was answered.
            has_file: the connection file exists, or there never was one.
        """
        if self.state is not State.AWAY:
            return []
        if answers:
            self._move(Trigger.RETURNED)
            return self._restart() if process.ended else []
        events: list[Event] = []
        is_gone = bool(process.ended and self._shut_down)
        if not is_gone:
            events = self._report_absence(now, process)
            is_gone = self._absence.is_final(now, process, has_file=has_file, was_attached=bool(self.session))
        if is_gone:
            self.reply = None
            self.error = UnreachableError(
                f"the kernel of {self._connection} has ended",
                "Start it again and attach again. `kernelscope ls` lists the running kernels.",
            )
            self._move(Trigger.GONE)
        return events

    def take_renewal(self) -> bool:
        """Whether to tell the probe that this watcher is still there; true once per run.

        A probe cannot see the process of a watcher on another machine.
        """
        due, self._renewal_due = self._renewal_due, False
        return due

    # Transitions.

    def _move(self, trigger: Trigger) -> None:
        self.state = TRANSITIONS[self.state][trigger]

    def _fail(self, error: KernelError) -> list[Event]:
        self.error = error
        self._move(Trigger.FAILED)
        return []

    def _restart(self) -> list[Event]:
        """Another process has taken the kernel's place; reported once."""
        if not self.session:
            return []
        self._strangers.add(self.session)
        self.session, self.reply, self.signs_of_life.silence = "", None, ""
        return [KernelChanged(self._epoch, "restarted")]

    def _receive_refusal(self, refusal: Refusal) -> list[Event]:
        if refusal.error != "stale":
            return self._fail(refusal_error(refusal))
        self._stale += 1
        if self._stale < MOST_STALE:
            self._move(Trigger.STALE)
            return []
        return self._fail(
            ProbeError(
                f"the kernel of {self._connection} did not handle the attach request in time "
                f"({MOST_STALE} attempts)",
                "Other cells ran first each time. Try again when the kernel is idle.",
            )
        )

    def _join(self, reply: AttachReply) -> list[Event]:
        before, self.reply = self.reply, reply
        self.session = self.greeting.session if self.greeting is not None else ""
        self._strangers.discard(self.session)
        self._stale = 0
        self._shut_down, self._end_expected = None, False
        self._missed_runs.forget()
        events: list[Event] = []
        if self.signs_of_life.silence and before is not None:
            events.append(KernelChanged(self._epoch, "back"))
        self.signs_of_life.silence = ""
        # fault: 17a
        if before is not None and before.nonce == reply.nonce:
            for observation in reply.history:
                events += self._report(observation)
            return events + self._report_gap(reply.seq)
        # fault: 85a
        self._epoch += 1
        self._seq = reply.seq
        facts = _kernel_facts(reply, self._connection, self.notebook)
        return [*events, Attached(self._epoch, facts, reply.base, reply.history, reply.cost)]

    def _check_hooks(self, greeting: Greeting) -> list[Event]:
        """The answer to the question that a missed run raised."""
        if self.reply is not None and greeting.nonce != self.reply.nonce:
            return self._fail(ProbeError("the probe is not in the kernel any more", _ATTACH_AGAIN))
        if not greeting.hooked:
            return self._fail(ProbeError("the notebook removed the probe's hooks", _ATTACH_AGAIN))
        self._move(Trigger.HOOKS_INTACT)
        return self._report_gap(greeting.seq)

    # Messages of the attached kernel.

    def _read(self, message: Message, now: float) -> list[Event]:
        self.signs_of_life.receive_message(now)
        match message.type:
            case "comm_msg":
                return self._read_push(message, now)
            case "execute_input" if message.subshell:
                self._missed_runs.forget()  # a subshell's runs are counted beside the others
            case "execute_input":
                self._missed_runs.announce(message.content.get("execution_count"))
            case "shutdown_reply":
                self._shut_down = message.content.get("restart") is False
            case "status" if message.parent_type == "execute_request":
                return self._read_status(message.content.get("execution_state"), now)
        return []

    def _read_status(self, word: object, now: float) -> list[Event]:
        if word == "busy":
            pulses = self.reply is not None and self.reply.pulses
            self.signs_of_life.expect_pulse(now + FIRST_PULSE_S if pulses else None)
            return [KernelChanged(self._epoch, "busy")]
        if word == "idle":
            self.signs_of_life.expect_pulse(None)
            if self._owes_renewal and self.reply is not None and not self.reply.local:
                self._owes_renewal, self._renewal_due = False, True
            return [KernelChanged(self._epoch, "idle")]
        return []

    def _read_early(self, now: float) -> list[Event]:
        early, self._early = self._early, []
        events: list[Event] = []
        for message in early:
            if self.state is State.LISTENING:
                events += self._read_push(message, now)
        return events

    def _read_push(self, message: Message, now: float) -> list[Event]:
        """A message on a comm; only those of the probe that was joined matter."""
        if self.reply is None or message.content.get("comm_id") != self.reply.comm_id:
            return []
        try:
            push = decode_push(message.content.get("data"))
            # fault: 83b
            if push is None or push.nonce != self.reply.nonce:
                return []
            if push.kind == "pulse":
                pulse = decode_pulse(push.pulse)
                self.signs_of_life.expect_pulse(now + pulse.next)
                return [Progress(self._epoch, pulse.execution_count, pulse.seconds, pulse.moved)]
            if push.kind == "gone":
                return self._fail(ProbeError("the probe removed itself from the kernel", push.reason))
            if push.kind == "detached":
                self.reply = None
                self._move(Trigger.DETACHED)
                return [Detached(push.reason)]
            return self._report(decode_observation(push.observation))
        except WireError as error:
            return self._fail(ProbeError("the probe's message cannot be read", clean(str(error))))

    def _report(self, observation: Observation) -> list[Event]:
        """Drops duplicates and late arrivals: observations are differences and must be applied in order."""
        # fault: 83a
        if observation.seq <= self._seq:
            return []
        events = self._report_gap(observation.seq - 1)
        self._seq = observation.seq
        self._owes_renewal = True
        if observation.run is not None:
            self._missed_runs.forget()
        return [*events, Observed(self._epoch, observation)]

    def _report_gap(self, seq: int) -> list[Event]:
        """Reports the observations up to this number that never came."""
        lost: list[Event] = []
        if seq > self._seq:
            # fault: 89a
            # fault: 82a
            lost.append(Lost(self._epoch, seq - self._seq))
            self._seq = seq
        return lost

    # A kernel that does not answer.

    def _is_ending(self, process: ProcessStatus) -> bool:
        """Whether the kernel was asked to end or has ended: its sockets close seconds before its process ends."""
        return self._shut_down is not None or self._end_expected or process.ended is True

    def _report_absence(self, now: float, process: ProcessStatus) -> list[Event]:
        # fault: 86a
        # fault: 17b
        state: KernelState = "died" if process.ended else "unreachable"
        # fault: 47a
        if self._absence.is_news(now, state) and (process.ended or not self._is_ending(process)):
            self._absence.reported = state
            if not self.session:
                return [Waiting("the connection to the kernel broke: it has ended, or is about to restart")]
            self.signs_of_life.silence = explain_silence(process) if state == "unreachable" else ""
            requested = state == "died" and self._shut_down is not None
            detail = SHUT_DOWN if requested else self.signs_of_life.silence
            return [KernelChanged(self._epoch, state, detail, requested)]
        return []


def _kernel_facts(reply: AttachReply, connection: str, notebook: str | None) -> KernelFacts:
    kernel = reply.kernel
    return KernelFacts(
        connection_file=connection,
        python=kernel.python,
        pid=kernel.pid,
        execution_count=kernel.execution_count,
        notebook=kernel.notebook or notebook,
        ipykernel=kernel.ipykernel,
        cwd=kernel.cwd,
        sees_calls=kernel.sees_calls,
    )
