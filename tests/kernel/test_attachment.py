"""Tests the states of an attachment without a kernel: restarts, gaps, late messages, strangers, silence."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kernelscope.domain.events import (
    SHUT_DOWN,
    Attached,
    Detached,
    Event,
    KernelChanged,
    Lost,
    Observed,
    Progress,
    Waiting,
)
from kernelscope.domain.facts import Observation, Snapshot
from kernelscope.errors import ProbeError, UnreachableError, UnsupportedKernelError
from kernelscope.kernel import attachment_states
from kernelscope.kernel.attachment import MOST_STALE, Attachment
from kernelscope.kernel.attachment_states import TRANSITIONS, Request, State, Trigger
from kernelscope.kernel.signals import Message
from kernelscope.kernel.signs_of_life import (
    AWAY_S,
    DOWN_S,
    FIRST_PULSE_S,
    GONE_S,
    GONE_WITHOUT_FILE_S,
    QUIET_S,
    ProcessStatus,
)
from kernelscope.protocol.wire import WIRE, AttachReply, Greeting, KernelReply, Refusal

LIVES, STOPPED, DEAD, ELSEWHERE = (
    ProcessStatus(False),
    ProcessStatus(False, stopped=True),
    ProcessStatus(True),
    ProcessStatus(None),
)
RUN = {
    "execution_count": 1,
    "code": "pass",
    "code_hash": "ab",
    "status": "ok",
    "started": 1.5,
    "seconds": 0.1,
}


def reply_of(nonce: str = "probe", seq: int = 0, **differs: Any) -> AttachReply:
    kernel = KernelReply("3.12.1", 42, 0)
    fields: dict[str, Any] = {"base": Snapshot(), "history": (), **differs}
    return AttachReply(WIRE, nonce, f"comm of {nonce}", "0.1.0", seq, kernel, **fields)


def message(kind: str, content: dict[str, Any], session: str = "kernel", parent: str = "") -> Message:
    return Message("iopub", kind, session, "", parent, content)


def push_of(
    seq: int,
    nonce: str = "probe",
    session: str = "kernel",
    kind: str = "observation",
    comm: str | None = None,
    **fields: str,
) -> Message:
    """Build the probe's message with the observation of this number."""
    run = {**RUN, "execution_count": seq}
    observation = {"observation": json.dumps({"seq": seq, "run": run})} if kind == "observation" else {}
    push = {"nonce": nonce, "kind": kind, **observation, **fields}
    content = {"comm_id": comm or f"comm of {nonce}", "data": {"kernelscope": push}}
    return message("comm_msg", content, session)


def state_of(word: str, session: str = "kernel") -> Message:
    return message("status", {"execution_state": word}, session, "execute_request")


class AttachmentDriver:
    """Drives an attachment with a clock of its own, and collects its events."""

    def __init__(self, *, visits: bool = False, notebook: str | None = None) -> None:
        self.machine = Attachment("kernel-a.json", visits=visits, notebook=notebook)
        self.now = 100.0
        self.events: list[Event] = []

    @property
    def state(self) -> State:
        return self.machine.state

    def is_in(self, state: State) -> bool:
        return self.machine.state is state

    def take(self, events: list[Event]) -> list[Event]:
        self.events += events
        return events

    def greet(self, session: str = "kernel", nonce: str | None = None, **fields: Any) -> list[Event]:
        return self.take(self.machine.receive_greeting(Greeting(session, 0.0, nonce, **fields)))

    def join(self, reply: AttachReply | Refusal | None = None, session: str = "kernel") -> list[Event]:
        """Answer the greeting and the attach request."""
        events = self.greet(session)
        return events + self.take(self.machine.receive_attach_reply(reply or reply_of(), self.now))

    def send(self, *messages: Message) -> list[Event]:
        return [e for one in messages for e in self.take(self.machine.receive_message(one, self.now))]

    def lose(self) -> None:
        self.machine.lose_connection(self.now)

    def wait(self, seconds: float, process: ProcessStatus = LIVES, **facts: bool) -> list[Event]:
        """Let the attachment look for the kernel after so many seconds."""
        self.now += seconds
        facts = {"answers": False, "has_file": True, **facts}
        return self.take(self.machine.check_return(self.now, process, **facts))

    def listen(self, seconds: float, process: ProcessStatus = LIVES) -> list[Event]:
        """Let the attachment look for signs of life after so many seconds."""
        self.now += seconds
        return self.take(self.machine.check_life(self.now, process))


@pytest.fixture
def attaching() -> AttachmentDriver:
    return AttachmentDriver()


@pytest.fixture
def attached(attaching: AttachmentDriver) -> AttachmentDriver:
    attaching.join()
    return attaching


def seqs(events: list[Event]) -> list[int]:
    return [e.observation.seq for e in events if isinstance(e, Observed)]


def words(events: list[Event]) -> list[str]:
    return [e.state for e in events if isinstance(e, KernelChanged)]


# The table.


def test_every_state_and_trigger_of_the_table_is_used_and_can_be_reached() -> None:
    assert TRANSITIONS.keys() == set(State)
    assert {trigger for row in TRANSITIONS.values() for trigger in row} == set(Trigger)
    reached, waiting = {State.GREETING}, [State.GREETING]
    while waiting:
        for state in set(TRANSITIONS[waiting.pop()].values()) - reached:
            reached.add(state)
            waiting.append(state)
    assert reached == set(State)
    assert TRANSITIONS[State.ENDED] == {}


def test_the_diagram_names_every_state() -> None:
    drawing = (attachment_states.__doc__ or "").partition("::")[2]
    assert [state.name for state in State if state.name not in drawing] == []


def test_each_state_sends_its_own_request(attaching: AttachmentDriver) -> None:
    assert (attaching.state, attaching.machine.request) == (State.GREETING, Request.GREET)
    attaching.greet()
    assert (attaching.state, attaching.machine.request) == (State.ATTACHING, Request.ATTACH)
    attaching.take(attaching.machine.receive_attach_reply(reply_of(), attaching.now))
    assert (attaching.state, attaching.machine.request) == (State.LISTENING, None)
    attaching.lose()
    assert (attaching.state, attaching.machine.request) == (State.AWAY, None)


# Attaching.


def test_the_first_probe_is_the_first_epoch() -> None:
    attaching = AttachmentDriver(notebook="/home/me/churn.ipynb")
    (event,) = attaching.join(reply_of(seq=3))
    assert isinstance(event, Attached)
    assert (event.epoch, event.kernel.pid, event.kernel.notebook) == (1, 42, "/home/me/churn.ipynb")
    assert attaching.machine.local_pid == 42
    assert attaching.send(push_of(3)) == []
    assert seqs(attaching.send(push_of(4))) == [4]


def test_a_kernel_on_another_machine_has_no_local_process(attaching: AttachmentDriver) -> None:
    attaching.join(reply_of(local=False))
    assert attaching.machine.local_pid is None


def test_a_visit_ends_with_the_answer() -> None:
    attaching = AttachmentDriver(visits=True)
    event, end = attaching.join(reply_of())
    assert isinstance(event, Attached)
    assert isinstance(end, Detached)
    assert (attaching.state, attaching.machine.error, attaching.machine.reply) == (State.ENDED, None, None)
    assert attaching.send(push_of(1)) == []


def test_a_stale_answer_is_requested_again_up_to_a_limit(attaching: AttachmentDriver) -> None:
    for _ in range(MOST_STALE - 1):
        assert attaching.join(Refusal("stale")) == []
        assert attaching.is_in(State.GREETING)
    attaching.join(Refusal("stale"))
    assert attaching.is_in(State.ENDED)
    assert isinstance(attaching.machine.error, ProbeError)
    assert attaching.machine.error.title == (
        "the kernel of kernel-a.json did not handle the attach request in time (20 attempts)"
    )


def test_each_attach_resets_the_count_of_stale_answers(attaching: AttachmentDriver) -> None:
    for _ in range(2):
        for _ in range(MOST_STALE - 1):
            attaching.join(Refusal("stale"))
        attaching.join()
        assert attaching.is_in(State.LISTENING)
        attaching.lose()
        attaching.wait(0.1, answers=True)


@pytest.mark.parametrize(
    ("refusal", "error", "words"),
    [
        (Refusal("unsupported", "ipykernel 5"), UnsupportedKernelError, "cannot be attached to: ipykernel 5"),
        (Refusal("version", "9.9"), ProbeError, "another version of kernelscope (9.9)"),
        (Refusal("failed", "KeyError"), ProbeError, "failed to install and was rolled back"),
    ],
)
def test_a_refusal_ends_the_attachment(
    attaching: AttachmentDriver, refusal: Refusal, error: type[Exception], words: str
) -> None:
    assert attaching.join(refusal) == []
    assert attaching.is_in(State.ENDED)
    assert isinstance(attaching.machine.error, error)
    assert words in str(attaching.machine.error)


def test_a_probe_that_speaks_another_version_is_refused(attaching: AttachmentDriver) -> None:
    kernel = KernelReply("3.12.1", 42, 0)
    attaching.join(AttachReply(WIRE + 1, "p", "c", "9.9", 0, kernel, base=Snapshot(), history=()))
    assert "another version of kernelscope (9.9)" in str(attaching.machine.error)


def test_a_connection_may_break_before_the_answer(attaching: AttachmentDriver) -> None:
    attaching.greet()
    attaching.lose()
    assert attaching.is_in(State.AWAY)
    (event,) = attaching.wait(DOWN_S + 0.1, ELSEWHERE)
    assert isinstance(event, Waiting)
    assert attaching.wait(1.0, ELSEWHERE, answers=True) == []
    (event,) = attaching.join()
    assert isinstance(event, Attached)


def test_a_push_that_overtakes_the_answer_is_kept_for_it(attaching: AttachmentDriver) -> None:
    attaching.greet()
    assert attaching.send(push_of(1), push_of(2), state_of("busy"), push_of(3, nonce="another")) == []
    events = attaching.take(attaching.machine.receive_attach_reply(reply_of(seq=1), attaching.now))
    assert isinstance(events[0], Attached)
    assert seqs(events) == [2], "the answer contains the first one"


def test_a_probe_may_detach_before_its_answer_is_read(attaching: AttachmentDriver) -> None:
    attaching.greet()
    attaching.send(push_of(0, kind="detached", reason="by request"), push_of(1))
    events = attaching.take(attaching.machine.receive_attach_reply(reply_of(), attaching.now))
    assert events[1:] == [Detached("by request")]
    assert attaching.is_in(State.ENDED)


# Observations in order.


def test_duplicates_and_late_arrivals_are_dropped_and_a_gap_is_reported(attached: AttachmentDriver) -> None:
    events = attached.send(push_of(1), push_of(1), push_of(4), push_of(2), push_of(3), push_of(5))
    assert seqs(events) == [1, 4, 5]
    assert [e for e in events if isinstance(e, Lost)] == [Lost(1, 2)]
    assert events.index(Lost(1, 2)) == 1


@pytest.mark.parametrize(
    "stray",
    [
        push_of(1, nonce="another"),
        push_of(1, nonce="another", comm="comm of probe"),
        message("comm_msg", {"comm_id": "comm of probe", "data": {"state": {}}}),
        message("comm_msg", {"comm_id": "a widget's", "data": {}}),
        message("stream", {"text": "hello"}),
        message("status", {"execution_state": "starting"}, parent="execute_request"),
        message("status", {"execution_state": "busy"}, parent="kernel_info_request"),
    ],
)
def test_messages_from_others_change_nothing(attached: AttachmentDriver, stray: Message) -> None:
    assert attached.send(stray) == []
    assert attached.is_in(State.LISTENING)
    assert seqs(attached.send(push_of(1))) == [1]


def test_an_unreadable_message_from_the_probe_ends_the_attachment(attached: AttachmentDriver) -> None:
    assert attached.send(push_of(1, kind="observation", observation="[]")) == []
    assert (attached.state, type(attached.machine.error)) == (State.ENDED, ProbeError)
    assert attached.send(push_of(2)) == []


def test_a_second_watcher_receives_what_the_probe_had_seen(attaching: AttachmentDriver) -> None:
    history = (Observation(4), Observation(5))
    (event,) = attaching.join(reply_of(seq=5, history=history))
    assert isinstance(event, Attached)
    assert event.history == history
    assert seqs(attaching.send(push_of(5), push_of(6))) == [6]


# The connection breaks.


def test_a_tunnel_that_drops_leads_to_the_same_epoch_and_the_history_fills_the_gap(
    attached: AttachmentDriver,
) -> None:
    attached.send(push_of(1))
    attached.lose()
    assert attached.wait(DOWN_S / 2, ELSEWHERE) == []
    assert words(attached.wait(DOWN_S, ELSEWHERE)) == ["unreachable"]
    assert attached.wait(1.0, ELSEWHERE) == [], "reported once"
    assert attached.wait(1.0, ELSEWHERE, answers=True) == []
    history = (Observation(1), Observation(3))
    events = attached.join(reply_of(seq=4, history=history))
    assert words(events) == ["back"]
    assert [e for e in events if not isinstance(e, KernelChanged)] == [
        Lost(1, 1),
        Observed(1, Observation(3)),
        Lost(1, 1),
    ]
    assert not any(isinstance(e, Attached) for e in events)


def test_the_same_kernel_with_another_probe_is_another_epoch(attached: AttachmentDriver) -> None:
    attached.lose()
    attached.wait(0.1, answers=True)
    (event,) = attached.join(reply_of("second"))
    assert isinstance(event, Attached)
    assert event.epoch == 2
    assert seqs(attached.send(push_of(7, nonce="probe"), push_of(1, nonce="second"))) == [1]


def test_what_the_kernel_sent_before_the_connection_broke_is_reported(attached: AttachmentDriver) -> None:
    attached.lose()
    assert seqs(attached.send(push_of(1))) == [1]
    assert attached.send(push_of(2, session="another")) == []
    assert attached.is_in(State.AWAY)


def test_a_restart_begins_an_epoch(attached: AttachmentDriver) -> None:
    attached.send(push_of(1))
    attached.lose()
    assert attached.wait(0.1, answers=True) == []
    restarted, event = attached.join(reply_of("second"), session="second")
    assert restarted == KernelChanged(1, "restarted")
    assert isinstance(event, Attached)
    assert event.epoch == 2
    late = attached.send(push_of(2))
    assert (late, attached.state) == ([], State.LISTENING), "the previous kernel is a known stranger"
    assert seqs(attached.send(push_of(1, nonce="second", session="second"))) == [1]


def test_a_restart_is_reported_as_soon_as_the_process_is_known_to_have_ended(
    attached: AttachmentDriver,
) -> None:
    attached.lose()
    assert words(attached.wait(0.1, DEAD, answers=True)) == ["restarted"]
    assert attached.machine.local_pid is None
    (event,) = attached.join(reply_of("second"), session="second")
    assert isinstance(event, Attached), "the restart is reported once"


@pytest.mark.parametrize("times", [2, 5])
def test_each_of_several_restarts_begins_an_epoch(attached: AttachmentDriver, times: int) -> None:
    for number in range(times):
        attached.lose()
        attached.wait(0.1, answers=True)
        attached.join(reply_of(f"probe {number}"), session=f"session {number}")
    assert [e.epoch for e in attached.events if isinstance(e, Attached)] == list(range(1, times + 2))
    assert words(attached.events) == ["restarted"] * times


def test_a_kernel_may_restart_before_it_answers_the_attach(attaching: AttachmentDriver) -> None:
    attaching.greet("first")
    attaching.lose()
    attaching.wait(0.1, answers=True)
    (event,) = attaching.join(session="second")
    assert isinstance(event, Attached)
    assert attaching.machine.session == "second"


def test_a_stranger_triggers_a_greeting_to_the_kernel(attached: AttachmentDriver) -> None:
    assert attached.send(message("stream", {}, session="stranger")) == []
    assert attached.is_in(State.AWAY)
    attached.wait(0.0, answers=True)
    assert attached.join() == [], "the same probe in the same kernel"
    assert attached.send(message("stream", {}, session="stranger")) == []
    assert attached.is_in(State.LISTENING), "a known stranger is ignored"


def test_a_stranger_may_be_the_restarted_kernel(attached: AttachmentDriver) -> None:
    attached.send(state_of("idle", session="second"))
    attached.wait(0.0, answers=True)
    restarted, event = attached.join(reply_of("second"), session="second")
    assert restarted == KernelChanged(1, "restarted")
    assert isinstance(event, Attached)
    assert words(attached.send(state_of("busy", session="second"))) == ["busy"]


# The kernel ends.


def test_a_dead_kernel_is_reported_and_its_restart_awaited(attached: AttachmentDriver) -> None:
    attached.lose()
    assert attached.wait(DOWN_S + 0.1, DEAD) == [KernelChanged(1, "died")]
    assert attached.wait(GONE_S - DOWN_S - 0.2, DEAD) == []
    assert attached.is_in(State.AWAY)
    attached.wait(0.2, DEAD)
    assert attached.is_in(State.ENDED)
    assert isinstance(attached.machine.error, UnreachableError)


def test_the_wait_is_shorter_if_the_connection_file_is_gone(attached: AttachmentDriver) -> None:
    attached.lose()
    attached.wait(GONE_WITHOUT_FILE_S + 0.1, DEAD, has_file=False)
    assert isinstance(attached.machine.error, UnreachableError)


def test_a_shutdown_ends_the_attachment_at_once(attached: AttachmentDriver) -> None:
    attached.send(message("shutdown_reply", {"restart": False}))
    attached.lose()
    assert attached.wait(DOWN_S + 1.0, LIVES) == [], "its sockets close before its process ends"
    assert attached.wait(0.1, DEAD) == []
    assert isinstance(attached.machine.error, UnreachableError)


def test_a_kernel_that_announced_its_restart_dies_as_requested(attached: AttachmentDriver) -> None:
    attached.send(message("shutdown_reply", {"restart": True}))
    attached.lose()
    assert attached.wait(DOWN_S + 1.0, DEAD) == [KernelChanged(1, "died", SHUT_DOWN, requested=True)]
    attached.wait(0.1, DEAD, answers=True)
    attached.join(reply_of("second"), session="second")
    attached.lose()
    assert words(attached.wait(DOWN_S + 0.1, DEAD)) == ["died"]
    assert attached.events[-1] == KernelChanged(2, "died"), "the announcement held for one death"


def test_the_wait_has_no_limit_while_the_process_lives(attached: AttachmentDriver) -> None:
    attached.lose()
    attached.wait(10 * AWAY_S, LIVES)
    assert attached.is_in(State.AWAY)


def test_the_wait_is_longer_for_a_kernel_on_another_machine(attached: AttachmentDriver) -> None:
    attached.lose()
    attached.wait(AWAY_S - 0.1, ELSEWHERE)
    assert attached.is_in(State.AWAY)
    attached.wait(0.2, ELSEWHERE)
    assert isinstance(attached.machine.error, UnreachableError)


def test_a_kernel_that_never_answered_counts_as_gone_sooner(attaching: AttachmentDriver) -> None:
    attaching.greet()
    attaching.lose()
    attaching.wait(GONE_S + 0.1, ELSEWHERE)
    assert isinstance(attaching.machine.error, UnreachableError)


# The probe leaves.


@pytest.mark.parametrize("away", [False, True])
def test_a_detached_probe_ends_the_attachment_without_an_error(
    attached: AttachmentDriver, away: bool
) -> None:
    if away:
        attached.lose()
    assert attached.send(push_of(0, kind="detached", reason="by request")) == [Detached("by request")]
    assert (attached.state, attached.machine.error, attached.machine.reply) == (State.ENDED, None, None)
    assert attached.wait(GONE_S, DEAD) == []
    attached.lose()
    assert attached.is_in(State.ENDED)


def test_a_probe_that_removed_itself_is_an_error(attached: AttachmentDriver) -> None:
    attached.send(push_of(0, kind="gone", reason="three failures"))
    assert isinstance(attached.machine.error, ProbeError)
    assert attached.machine.error.hint == "three failures"


# Runs that the probe does not report.


def announce(count: int, *, subshell: bool = False) -> Message:
    return Message("iopub", "execute_input", "kernel", "", "", {"execution_count": count}, subshell)


def missed(attached: AttachmentDriver) -> None:
    attached.send(announce(1), state_of("idle"), announce(2), state_of("idle"))


def test_a_counted_run_without_a_report_makes_it_check_the_hooks(attached: AttachmentDriver) -> None:
    attached.send(announce(1), push_of(1), state_of("idle"), announce(2), push_of(2), state_of("idle"))
    assert attached.is_in(State.LISTENING)
    missed(attached)
    assert (attached.state, attached.machine.request) == (State.CHECKING, Request.GREET)
    assert seqs(attached.send(push_of(3))) == [3], "it keeps listening meanwhile"
    assert attached.greet(nonce="probe", hooked=True, seq=5) == [Lost(1, 2)]
    assert attached.is_in(State.LISTENING)


def test_a_tools_requests_are_not_counted(attached: AttachmentDriver) -> None:
    for _ in range(3):
        attached.send(announce(1), state_of("idle"))
    assert attached.is_in(State.LISTENING)


def test_runs_of_a_subshell_are_counted_separately(attached: AttachmentDriver) -> None:
    attached.send(announce(1), announce(2, subshell=True), state_of("idle"), announce(3), state_of("idle"))
    assert attached.is_in(State.LISTENING)


@pytest.mark.parametrize(
    ("greeting", "words"),
    [
        ({"nonce": "probe", "hooked": False}, "the notebook removed the probe's hooks"),
        ({"nonce": "another", "hooked": True}, "the probe is not in the kernel any more"),
        ({"nonce": None}, "the probe is not in the kernel any more"),
    ],
)
def test_missing_hooks_end_the_attachment(
    attached: AttachmentDriver, greeting: dict[str, Any], words: str
) -> None:
    missed(attached)
    attached.greet(**greeting)
    assert isinstance(attached.machine.error, ProbeError)
    assert attached.machine.error.title == words
    assert "Attach again" in attached.machine.error.hint


def test_a_connection_may_break_while_the_hooks_are_checked(attached: AttachmentDriver) -> None:
    missed(attached)
    attached.lose()
    attached.wait(0.1, answers=True)
    assert attached.is_in(State.GREETING)
    attached.join()
    assert attached.is_in(State.LISTENING)


# Signs of life.


def test_a_silent_kernel_and_its_return_are_each_reported_once(attached: AttachmentDriver) -> None:
    life = attached.machine.signs_of_life
    assert attached.listen(60.0) == []
    life.receive_heartbeat(False)
    assert attached.listen(0.1, STOPPED) == [KernelChanged(1, "unreachable", "its process is stopped")]
    assert attached.listen(60.0, STOPPED) == []
    life.receive_heartbeat(True)
    assert attached.listen(0.1) == [KernelChanged(1, "back")]


@pytest.mark.parametrize(
    ("process", "reason"),
    [
        (LIVES, "its process lives and does not answer"),
        (STOPPED, "its process is stopped"),
        (ELSEWHERE, "nothing comes over the connection to its machine"),
    ],
)
def test_the_reason_of_a_silence_is_reported(
    attached: AttachmentDriver, process: ProcessStatus, reason: str
) -> None:
    attached.machine.signs_of_life.receive_heartbeat(False)
    assert attached.listen(0.1, process) == [KernelChanged(1, "unreachable", reason)]


def test_a_silence_that_lasts_when_the_connection_breaks_is_not_reported_twice(
    attached: AttachmentDriver,
) -> None:
    attached.machine.signs_of_life.receive_heartbeat(False)
    attached.listen(0.1, LIVES)
    attached.lose()
    assert attached.wait(DOWN_S + 0.1, LIVES) == []
    attached.wait(0.1, answers=True)
    assert attached.join() == [KernelChanged(1, "back")]


@pytest.mark.parametrize("how", ["announced", "expected", "ended"])
def test_a_kernel_that_is_about_to_end_is_not_reported_as_silent(
    attached: AttachmentDriver, how: str
) -> None:
    if how == "announced":
        attached.send(message("shutdown_reply", {"restart": False}))
    if how == "expected":
        attached.machine.expect_end()
    attached.machine.signs_of_life.receive_heartbeat(False)
    assert attached.listen(60.0, DEAD if how == "ended" else LIVES) == []


def pulse(following: float = 2.0) -> Message:
    return push_of(
        0, kind="pulse", pulse=json.dumps({"execution_count": 1, "seconds": 1.0, "next": following})
    )


def test_a_long_run_is_expected_to_send_pulses(attaching: AttachmentDriver) -> None:
    attaching.join(reply_of(pulses=True))
    assert attaching.send(state_of("busy")) == [KernelChanged(1, "busy")]
    assert attaching.listen(FIRST_PULSE_S + QUIET_S - 0.1) == []
    assert attaching.send(pulse()) == [Progress(1, 1, 1.0)]
    assert attaching.listen(2.0 + QUIET_S - 0.1) == []
    (event,) = attaching.listen(0.2)
    assert isinstance(event, KernelChanged)
    assert "holds its interpreter" in event.detail
    assert attaching.send(pulse()) == [Progress(1, 1, 1.0)]
    assert words(attaching.listen(0.1)) == ["back"]
    attaching.send(state_of("idle"))
    assert attaching.listen(600.0) == []


def test_output_of_the_cell_is_a_sign_of_life(attaching: AttachmentDriver) -> None:
    attaching.join(reply_of(pulses=True))
    attaching.send(state_of("busy"))
    for _ in range(5):
        assert attaching.listen(QUIET_S) == []
        attaching.send(message("stream", {}))


def test_a_probe_that_sends_no_pulses_is_not_expected_to(attached: AttachmentDriver) -> None:
    attached.send(state_of("busy"))
    assert attached.listen(600.0) == []


# Leases of watchers on other machines.


def test_a_watcher_on_another_machine_renews_its_lease_once_after_each_run(
    attaching: AttachmentDriver,
) -> None:
    attaching.join(reply_of(local=False))
    attaching.send(state_of("busy"), state_of("idle"))
    assert not attaching.machine.take_renewal(), "nothing was observed"
    attaching.send(state_of("busy"), push_of(1))
    assert not attaching.machine.take_renewal()
    attaching.send(state_of("idle"))
    assert attaching.machine.take_renewal()
    assert not attaching.machine.take_renewal()


def test_a_watcher_on_the_same_machine_needs_no_renewal(attached: AttachmentDriver) -> None:
    attached.send(push_of(1), state_of("idle"))
    assert not attached.machine.take_renewal()
