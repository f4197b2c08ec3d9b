"""The states of an attachment, without a kernel: restarts, gaps, late messages, strangers, silence."""

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
    """The probe's message with an observation of this number."""
    run = {**RUN, "execution_count": seq}
    observation = {"observation": json.dumps({"seq": seq, "run": run})} if kind == "observation" else {}
    push = {"nonce": nonce, "kind": kind, **observation, **fields}
    content = {"comm_id": comm or f"comm of {nonce}", "data": {"kernelscope": push}}
    return message("comm_msg", content, session)


def state_of(word: str, session: str = "kernel") -> Message:
    return message("status", {"execution_state": word}, session, "execute_request")


class Attaching:
    """An attachment, its clock and all events so far."""

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
        """A greeting and the answer to the attach."""
        events = self.greet(session)
        return events + self.take(self.machine.receive_attach_reply(reply or reply_of(), self.now))

    def send(self, *messages: Message) -> list[Event]:
        return [e for one in messages for e in self.take(self.machine.receive_message(one, self.now))]

    def lose(self) -> None:
        self.machine.lose_connection(self.now)

    def wait(self, seconds: float, process: ProcessStatus = LIVES, **facts: bool) -> list[Event]:
        """Looks for the kernel after so many seconds."""
        self.now += seconds
        facts = {"answers": False, "has_file": True, **facts}
        return self.take(self.machine.check_return(self.now, process, **facts))

    def listen(self, seconds: float, process: ProcessStatus = LIVES) -> list[Event]:
        """Looks for signs of life after so many seconds."""
        self.now += seconds
        return self.take(self.machine.check_life(self.now, process))


@pytest.fixture
def attaching() -> Attaching:
    return Attaching()


@pytest.fixture
def attached(attaching: Attaching) -> Attaching:
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


def test_the_drawing_names_every_state() -> None:
    drawing = (attachment_states.__doc__ or "").partition("::")[2]
    assert [state.name for state in State if state.name not in drawing] == []


def test_each_state_asks_for_its_own_request(attaching: Attaching) -> None:
    assert (attaching.state, attaching.machine.request) == (State.GREETING, Request.GREET)
    attaching.greet()
    assert (attaching.state, attaching.machine.request) == (State.ATTACHING, Request.ATTACH)
    attaching.take(attaching.machine.receive_attach_reply(reply_of(), attaching.now))
    assert (attaching.state, attaching.machine.request) == (State.LISTENING, None)
    attaching.lose()
    assert (attaching.state, attaching.machine.request) == (State.AWAY, None)


# Attaching.


def test_the_first_probe_is_the_first_epoch() -> None:
    attaching = Attaching(notebook="/home/me/churn.ipynb")
    (event,) = attaching.join(reply_of(seq=3))
    assert isinstance(event, Attached)
    assert (event.epoch, event.kernel.pid, event.kernel.notebook) == (1, 42, "/home/me/churn.ipynb")
    assert attaching.machine.local_pid == 42
    assert attaching.send(push_of(3)) == []
    assert seqs(attaching.send(push_of(4))) == [4]


def test_a_kernel_on_another_machine_has_no_process_here(attaching: Attaching) -> None:
    attaching.join(reply_of(local=False))
    assert attaching.machine.local_pid is None


def test_a_visit_ends_with_the_answer() -> None:
    attaching = Attaching(visits=True)
    event, end = attaching.join(reply_of())
    assert isinstance(event, Attached)
    assert isinstance(end, Detached)
    assert (attaching.state, attaching.machine.error, attaching.machine.reply) == (State.ENDED, None, None)
    assert attaching.send(push_of(1)) == []


def test_a_stale_answer_is_asked_for_again_up_to_a_limit(attaching: Attaching) -> None:
    for _ in range(MOST_STALE - 1):
        assert attaching.join(Refusal("stale")) == []
        assert attaching.is_in(State.GREETING)
    attaching.join(Refusal("stale"))
    assert attaching.is_in(State.ENDED)
    assert isinstance(attaching.machine.error, ProbeError)
    assert attaching.machine.error.title == (
        "the kernel of kernel-a.json did not handle the attach request in time (20 attempts)"
    )


def test_stale_answers_are_counted_anew_after_each_attach(attaching: Attaching) -> None:
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
def test_a_refusal_ends_it(
    attaching: Attaching, refusal: Refusal, error: type[Exception], words: str
) -> None:
    assert attaching.join(refusal) == []
    assert attaching.is_in(State.ENDED)
    assert isinstance(attaching.machine.error, error)
    assert words in str(attaching.machine.error)


def test_a_probe_that_speaks_another_version_is_refused(attaching: Attaching) -> None:
    kernel = KernelReply("3.12.1", 42, 0)
    attaching.join(AttachReply(WIRE + 1, "p", "c", "9.9", 0, kernel, base=Snapshot(), history=()))
    assert "another version of kernelscope (9.9)" in str(attaching.machine.error)


def test_the_connection_breaks_before_the_answer(attaching: Attaching) -> None:
    attaching.greet()
    attaching.lose()
    assert attaching.is_in(State.AWAY)
    (event,) = attaching.wait(DOWN_S + 0.1, ELSEWHERE)
    assert isinstance(event, Waiting)
    assert attaching.wait(1.0, ELSEWHERE, answers=True) == []
    (event,) = attaching.join()
    assert isinstance(event, Attached)


def test_a_push_that_overtakes_the_answer_is_kept_for_it(attaching: Attaching) -> None:
    attaching.greet()
    assert attaching.send(push_of(1), push_of(2), state_of("busy"), push_of(3, nonce="another")) == []
    events = attaching.take(attaching.machine.receive_attach_reply(reply_of(seq=1), attaching.now))
    assert isinstance(events[0], Attached)
    assert seqs(events) == [2], "the first is in the answer already"


def test_a_probe_that_left_before_its_answer_was_read(attaching: Attaching) -> None:
    attaching.greet()
    attaching.send(push_of(0, kind="detached", reason="by request"), push_of(1))
    events = attaching.take(attaching.machine.receive_attach_reply(reply_of(), attaching.now))
    assert events[1:] == [Detached("by request")]
    assert attaching.is_in(State.ENDED)


# Observations in order.


def test_duplicates_and_late_arrivals_are_dropped_and_a_gap_is_reported(attached: Attaching) -> None:
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
def test_messages_of_others_change_nothing(attached: Attaching, stray: Message) -> None:
    assert attached.send(stray) == []
    assert attached.is_in(State.LISTENING)
    assert seqs(attached.send(push_of(1))) == [1]


def test_what_a_probe_sends_that_cannot_be_read_ends_it(attached: Attaching) -> None:
    assert attached.send(push_of(1, kind="observation", observation="[]")) == []
    assert (attached.state, type(attached.machine.error)) == (State.ENDED, ProbeError)
    assert attached.send(push_of(2)) == []


def test_a_second_watcher_receives_what_the_probe_had_seen(attaching: Attaching) -> None:
    history = (Observation(4), Observation(5))
    (event,) = attaching.join(reply_of(seq=5, history=history))
    assert isinstance(event, Attached)
    assert event.history == history
    assert seqs(attaching.send(push_of(5), push_of(6))) == [6]


# The connection breaks.


def test_a_tunnel_that_drops_leads_to_the_same_epoch_and_the_history_fills_the_gap(
    attached: Attaching,
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


def test_the_same_kernel_with_another_probe_is_another_epoch(attached: Attaching) -> None:
    attached.lose()
    attached.wait(0.1, answers=True)
    (event,) = attached.join(reply_of("second"))
    assert isinstance(event, Attached)
    assert event.epoch == 2
    assert seqs(attached.send(push_of(7, nonce="probe"), push_of(1, nonce="second"))) == [1]


def test_what_the_kernel_sent_before_the_connection_broke_is_reported(attached: Attaching) -> None:
    attached.lose()
    assert seqs(attached.send(push_of(1))) == [1]
    assert attached.send(push_of(2, session="another")) == []
    assert attached.is_in(State.AWAY)


def test_a_restart_begins_an_epoch(attached: Attaching) -> None:
    attached.send(push_of(1))
    attached.lose()
    assert attached.wait(0.1, answers=True) == []
    restarted, event = attached.join(reply_of("second"), session="second")
    assert restarted == KernelChanged(1, "restarted")
    assert isinstance(event, Attached)
    assert event.epoch == 2
    late = attached.send(push_of(2))
    assert (late, attached.state) == ([], State.LISTENING), "the kernel before is a known stranger"
    assert seqs(attached.send(push_of(1, nonce="second", session="second"))) == [1]


def test_a_restart_is_reported_as_soon_as_the_process_is_known_to_have_ended(attached: Attaching) -> None:
    attached.lose()
    assert words(attached.wait(0.1, DEAD, answers=True)) == ["restarted"]
    assert attached.machine.local_pid is None
    (event,) = attached.join(reply_of("second"), session="second")
    assert isinstance(event, Attached), "the restart is reported once"


@pytest.mark.parametrize("times", [2, 5])
def test_restarts_in_a_row_are_as_many_epochs(attached: Attaching, times: int) -> None:
    for number in range(times):
        attached.lose()
        attached.wait(0.1, answers=True)
        attached.join(reply_of(f"probe {number}"), session=f"session {number}")
    assert [e.epoch for e in attached.events if isinstance(e, Attached)] == list(range(1, times + 2))
    assert words(attached.events) == ["restarted"] * times


def test_a_kernel_that_restarts_before_it_answered_the_attach(attaching: Attaching) -> None:
    attaching.greet("first")
    attaching.lose()
    attaching.wait(0.1, answers=True)
    (event,) = attaching.join(session="second")
    assert isinstance(event, Attached)
    assert attaching.machine.session == "second"


def test_a_stranger_makes_the_kernel_say_who_it_is(attached: Attaching) -> None:
    assert attached.send(message("stream", {}, session="stranger")) == []
    assert attached.is_in(State.AWAY)
    attached.wait(0.0, answers=True)
    assert attached.join() == [], "the same probe in the same kernel"
    assert attached.send(message("stream", {}, session="stranger")) == []
    assert attached.is_in(State.LISTENING), "a known stranger is ignored"


def test_a_stranger_that_is_the_new_kernel(attached: Attaching) -> None:
    attached.send(state_of("idle", session="second"))
    attached.wait(0.0, answers=True)
    restarted, event = attached.join(reply_of("second"), session="second")
    assert restarted == KernelChanged(1, "restarted")
    assert isinstance(event, Attached)
    assert words(attached.send(state_of("busy", session="second"))) == ["busy"]


# The kernel ends.


def test_a_kernel_that_died_is_reported_and_waited_for(attached: Attaching) -> None:
    attached.lose()
    assert attached.wait(DOWN_S + 0.1, DEAD) == [KernelChanged(1, "died")]
    assert attached.wait(GONE_S - DOWN_S - 0.2, DEAD) == []
    assert attached.is_in(State.AWAY)
    attached.wait(0.2, DEAD)
    assert attached.is_in(State.ENDED)
    assert isinstance(attached.machine.error, UnreachableError)


def test_a_kernel_without_its_file_is_waited_for_less_long(attached: Attaching) -> None:
    attached.lose()
    attached.wait(GONE_WITHOUT_FILE_S + 0.1, DEAD, has_file=False)
    assert isinstance(attached.machine.error, UnreachableError)


def test_a_kernel_that_was_shut_down_ends_it_at_once(attached: Attaching) -> None:
    attached.send(message("shutdown_reply", {"restart": False}))
    attached.lose()
    assert attached.wait(DOWN_S + 1.0, LIVES) == [], "its sockets close before its process ends"
    assert attached.wait(0.1, DEAD) == []
    assert isinstance(attached.machine.error, UnreachableError)


def test_a_kernel_that_announced_its_restart_dies_in_order(attached: Attaching) -> None:
    attached.send(message("shutdown_reply", {"restart": True}))
    attached.lose()
    assert attached.wait(DOWN_S + 1.0, DEAD) == [KernelChanged(1, "died", SHUT_DOWN, requested=True)]
    attached.wait(0.1, DEAD, answers=True)
    attached.join(reply_of("second"), session="second")
    attached.lose()
    assert words(attached.wait(DOWN_S + 0.1, DEAD)) == ["died"]
    assert attached.events[-1] == KernelChanged(2, "died"), "the announcement held for one death"


def test_a_process_that_lives_is_waited_for_without_a_limit(attached: Attaching) -> None:
    attached.lose()
    attached.wait(10 * AWAY_S, LIVES)
    assert attached.is_in(State.AWAY)


def test_a_kernel_on_another_machine_is_waited_for_longer(attached: Attaching) -> None:
    attached.lose()
    attached.wait(AWAY_S - 0.1, ELSEWHERE)
    assert attached.is_in(State.AWAY)
    attached.wait(0.2, ELSEWHERE)
    assert isinstance(attached.machine.error, UnreachableError)


def test_a_kernel_that_was_never_attached_to_is_gone_sooner(attaching: Attaching) -> None:
    attaching.greet()
    attaching.lose()
    attaching.wait(GONE_S + 0.1, ELSEWHERE)
    assert isinstance(attaching.machine.error, UnreachableError)


# The probe leaves.


@pytest.mark.parametrize("away", [False, True])
def test_a_probe_that_is_detached_ends_it_in_order(attached: Attaching, away: bool) -> None:
    if away:
        attached.lose()
    assert attached.send(push_of(0, kind="detached", reason="by request")) == [Detached("by request")]
    assert (attached.state, attached.machine.error, attached.machine.reply) == (State.ENDED, None, None)
    assert attached.wait(GONE_S, DEAD) == []
    attached.lose()
    assert attached.is_in(State.ENDED)


def test_a_probe_that_removed_itself_is_an_error(attached: Attaching) -> None:
    attached.send(push_of(0, kind="gone", reason="three failures"))
    assert isinstance(attached.machine.error, ProbeError)
    assert attached.machine.error.hint == "three failures"


# Runs that the probe does not report.


def announce(count: int, *, subshell: bool = False) -> Message:
    return Message("iopub", "execute_input", "kernel", "", "", {"execution_count": count}, subshell)


def missed(attached: Attaching) -> None:
    attached.send(announce(1), state_of("idle"), announce(2), state_of("idle"))


def test_a_run_that_was_counted_and_not_reported_is_looked_into(attached: Attaching) -> None:
    attached.send(announce(1), push_of(1), state_of("idle"), announce(2), push_of(2), state_of("idle"))
    assert attached.is_in(State.LISTENING)
    missed(attached)
    assert (attached.state, attached.machine.request) == (State.CHECKING, Request.GREET)
    assert seqs(attached.send(push_of(3))) == [3], "it listens meanwhile"
    assert attached.greet(nonce="probe", hooked=True, seq=5) == [Lost(1, 2)]
    assert attached.is_in(State.LISTENING)


def test_a_tools_requests_are_not_counted(attached: Attaching) -> None:
    for _ in range(3):
        attached.send(announce(1), state_of("idle"))
    assert attached.is_in(State.LISTENING)


def test_runs_of_a_subshell_are_counted_beside_the_others(attached: Attaching) -> None:
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
def test_hooks_that_are_gone_end_it(attached: Attaching, greeting: dict[str, Any], words: str) -> None:
    missed(attached)
    attached.greet(**greeting)
    assert isinstance(attached.machine.error, ProbeError)
    assert attached.machine.error.title == words
    assert "Attach again" in attached.machine.error.hint


def test_the_connection_breaks_while_the_hooks_are_checked(attached: Attaching) -> None:
    missed(attached)
    attached.lose()
    attached.wait(0.1, answers=True)
    assert attached.is_in(State.GREETING)
    attached.join()
    assert attached.is_in(State.LISTENING)


# Signs of life.


def test_a_silent_kernel_is_reported_once_and_so_is_its_return(attached: Attaching) -> None:
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
def test_the_reason_of_a_silence(attached: Attaching, process: ProcessStatus, reason: str) -> None:
    attached.machine.signs_of_life.receive_heartbeat(False)
    assert attached.listen(0.1, process) == [KernelChanged(1, "unreachable", reason)]


def test_a_silence_that_lasts_when_the_connection_breaks_is_not_reported_twice(attached: Attaching) -> None:
    attached.machine.signs_of_life.receive_heartbeat(False)
    attached.listen(0.1, LIVES)
    attached.lose()
    assert attached.wait(DOWN_S + 0.1, LIVES) == []
    attached.wait(0.1, answers=True)
    assert attached.join() == [KernelChanged(1, "back")]


@pytest.mark.parametrize("how", ["announced", "expected", "ended"])
def test_a_kernel_that_is_about_to_end_is_not_reported_as_silent(attached: Attaching, how: str) -> None:
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


def test_a_long_run_is_expected_to_send_pulses(attaching: Attaching) -> None:
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


def test_output_of_the_cell_is_a_sign_of_life(attaching: Attaching) -> None:
    attaching.join(reply_of(pulses=True))
    attaching.send(state_of("busy"))
    for _ in range(5):
        assert attaching.listen(QUIET_S) == []
        attaching.send(message("stream", {}))


def test_a_probe_that_sends_no_pulses_is_not_expected_to(attached: Attaching) -> None:
    attached.send(state_of("busy"))
    assert attached.listen(600.0) == []


# Leases of watchers on other machines.


def test_a_watcher_on_another_machine_renews_its_lease_once_after_each_run(attaching: Attaching) -> None:
    attaching.join(reply_of(local=False))
    attaching.send(state_of("busy"), state_of("idle"))
    assert not attaching.machine.take_renewal(), "nothing was observed"
    attaching.send(state_of("busy"), push_of(1))
    assert not attaching.machine.take_renewal()
    attaching.send(state_of("idle"))
    assert attaching.machine.take_renewal()
    assert not attaching.machine.take_renewal()


def test_a_watcher_on_the_same_machine_needs_no_renewal(attached: Attaching) -> None:
    attached.send(push_of(1), state_of("idle"))
    assert not attached.machine.take_renewal()
