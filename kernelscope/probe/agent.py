"""The probe itself: hooks, history, watchers and the push.

It looks at the namespace from IPython's own ``pre_run_cell`` and ``post_run_cell`` events, and pushes
one numbered observation per run as a ``comm_msg`` on iopub.  It asks nothing and waits for nothing.
"""

from __future__ import annotations

import collections
import hashlib
import os
import platform
import sys
import threading
from contextlib import suppress

# By name, here and in the other modules: what the user puts in their place later is not run.
from json import dumps, loads
from os import getpid
from time import perf_counter, time
from types import MethodType
from typing import Any, Callable

from .calls import TEACHES, CallWatcher
from .code import CodeReader
from .cost import Costs
from .identity import target_of
from .interrupts import Interrupts, close_entry, is_own_failure
from .look import Look
from .names import UserNames
from .poller import Poller
from .processes import machine_mark, process_started
from .pulse import Pulse
from .stay import Stay
from .types import mro_of, qualified_name

WIRE = 1
"""Version of what is sent; a watcher that speaks another one does not attach, and whoever speaks this one
shares the probe, whichever version of kernelscope each is."""
MOST_FAILURES = 3
"""Failures of the probe's own after which it takes itself out."""
HISTORY_BYTES = 4_000_000
CODE_CHARACTERS = 65_536
_HOOKS = ("pre_run_cell", "post_run_cell")
REMOTE_RUNS = 25
"""Runs without a sign of life after which a watcher on another machine counts as gone."""


class Watcher:
    """One kernelscope that listens."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.id: str = request["watcher"]
        self._pid: int = request["pid"]
        self._started: str = request["process_started"]
        self.local = request["machine"] == machine_mark() or self._is_there()
        self.runs_since_renewal = 0
        self.poll: float | None = request.get("poll")
        """Seconds between looks while no cell runs; ``None``: it asked for none."""

    def _is_there(self) -> bool:
        return process_started(self._pid) == self._started

    def is_gone(self) -> bool:
        """Local: its process has ended.  Remote: it has not renewed for many runs."""
        # fault: 56a
        return not self._is_there() if self.local else self.runs_since_renewal > REMOTE_RUNS


def guarded(entry: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    """Let nothing out of a method that the kernel calls: neither the cell nor the kernel's log may show it.

    A failure of the probe is counted.  What belongs to the user is kept, and raised where the next
    cell begins if it was meant for that.
    """

    def call(self: Any, argument: Any) -> None:
        try:
            try:
                entry(self, argument)
            except BaseException as error:  # noqa: BLE001 - see above
                self.agent.handle(error)
            self.agent.interrupts.pass_on()
        # fault: 25a
        # fault: 23a
        # fault: 22a
        except BaseException as error:  # noqa: BLE001 - an interrupt fell into the handling
            _keep(self, error)
        finally:
            # The frame of a signal handler keeps this one, and it the probe.
            self = argument = None

    close_entry(call)
    call.__name__, call.__qualname__ = entry.__name__, entry.__qualname__
    return call


def _keep(guarded_object: Any, error: BaseException) -> None:
    """Keep what belongs to the user, as far as that is possible at all."""
    try:
        interrupts = guarded_object.agent.interrupts
        if not is_own_failure(error):
            interrupts.keep(error)
        interrupts.pass_on()
    except BaseException:  # noqa: BLE001 - a third one: the second is lost
        return


class CommEnd:
    """The kernel's end of the comm: what a watcher says between runs.

    It stands in the comm manager in place of a ``Comm``, whose ``handle_msg`` would fire the user's
    ``pre_execute`` and ``post_execute`` callbacks.
    """

    # fault: 41a
    target_name = "kernelscope"
    _closed = False

    def __init__(self, comm_id: str, agent: Agent) -> None:
        self.comm_id = comm_id
        self.agent = agent

    @guarded
    def handle_msg(self, msg: dict[str, Any]) -> None:
        """Called by the comm manager for each message of a watcher, or of anybody else."""
        self.agent.told(msg)

    def handle_close(self, _msg: dict[str, Any]) -> None:
        """A front end that closes comms it does not know closes nothing of ours."""

    def close(self, *_args: object, **_kwargs: object) -> None:
        """As ``handle_close``."""


class Running:
    """A run that has begun and not ended."""

    __slots__ = (
        "began",
        "company",
        "count",
        "cut",
        "hook_seconds",
        "info",
        "looked",
        "parent",
        "result",
        "started",
        "thread",
        "told",
    )

    def __init__(self, info: Any, parent: Any, count: int, company: bool) -> None:
        self.info, self.parent, self.count, self.company = info, parent, count, company
        self.thread = threading.get_ident()
        self.looked = False
        """What there was before it began is known."""
        self.cut: list[str] = []
        """Why the look before it was not finished."""
        self.hook_seconds = 0.0
        """What the hook before it took."""
        self.result: Any = None
        self.told = False
        self.begin()

    def begin(self) -> None:
        """Its code runs from now on."""
        self.began = perf_counter()
        now = time()  # a label; whoever has put a clock of their own there may have it say anything
        # fault: 87a
        self.started = now if type(now) is float and now - now == 0.0 else 0.0

    @property
    def request(self) -> object:
        """Names the request that asked for it; a cell within a cell has the same."""
        return _message_id(self.parent)


class Agent:
    """The probe in one kernel."""

    def __init__(self, ip: Any, version: str, checksum: str) -> None:
        self.version, self.checksum = version, checksum
        self.nonce = os.urandom(8).hex()
        self._ip, self._kernel = ip, ip.kernel
        self._pid = getpid()
        # fault: 42a
        # fault: 33a
        self._look = Look(ip.user_ns)
        self._calls = CallWatcher(self._look.types, self._look.tokens, ip.user_ns)
        self._code = CodeReader(ip.user_ns, self._look.types, self._look.tokens)
        self._comm = CommEnd("kernelscope-" + self.nonce, self)
        self.interrupts = Interrupts(ip.user_ns, getattr(ip.kernel, "io_loop", None))
        self._watchers: dict[str, Watcher] = {}
        self._stay = Stay(getattr(ip.kernel, "io_loop", None), self._leave_after_the_stay)
        self._busy: Any = threading.RLock()
        self._seq = 0
        self._settled = True
        """What the last look found was told, and no run has ended since."""
        self._untold: list[Running] = []
        """Those that have ended and are being told of."""
        self._runs: list[Running] = []
        """Those under way; more than one where ipykernel's subshells run cells beside one another."""
        self._parent: Any = None
        self._base: dict[str, Any] = {"seq": 0, "names": {}, "objects": []}
        self._history: collections.deque[str] = collections.deque()
        self._history_bytes = 0
        self._failures = 0
        self._installed = False
        self._costs = Costs()
        self._after_encoding = 0.0
        """Seconds that it took to keep and to send the last observation."""
        self._poller: Poller | None = None
        self._pulse: Pulse | None = None
        """What looks while a run lasts; ``None`` in a kernel that publishes in another way."""
        self._own_threads: frozenset[int] = frozenset()
        """Threads that were there at the attach: the kernel's."""

    @property
    def agent(self) -> Agent:
        """Itself, for ``guarded``."""
        return self

    # Coming and going.

    def attach(self, request: dict[str, Any]) -> dict[str, Any]:
        """One more watcher, or somebody who only visits; the answer holds all that it must know.

        Where that fails, or the watcher has left since it asked, all is as it was before.
        """
        watcher = Watcher(request)
        if request.get("visits"):
            return self._visited(watcher)
        try:
            return self._welcome(watcher, request)
        except BaseException:
            self._watchers.pop(watcher.id, None)
            if not self._watchers:
                self.leave()
            raise

    def _welcome(self, watcher: Watcher, request: dict[str, Any]) -> dict[str, Any]:
        if watcher.is_gone():
            raise RuntimeError("whoever asked for it has left")
        if not self._installed:
            self._install()
        self._watchers[watcher.id] = watcher
        self._stay.watched(float(request.get("keep", 0.0)))
        with self._busy:
            self._between()
        self._tune_poller()
        return self._answer(watcher)

    def _visited(self, visitor: Watcher) -> dict[str, Any]:
        """What somebody is told who does not stay: no lease begins with it, none is prolonged or cut
        short, and a probe that is here for nobody else has left before the answer is sent."""
        try:
            if not self._installed:
                self._install()
            with self._busy:
                self._between()
            return self._answer(visitor)
        finally:
            if self.is_abandoned():
                self.leave()

    def _answer(self, watcher: Watcher) -> dict[str, Any]:
        return {
            "wire": WIRE,
            "nonce": self.nonce,
            "comm_id": self._comm.comm_id,
            "version": self.version,
            "local": watcher.local,
            "seq": self._seq,
            "kernel": self._kernel_facts(),
            "pulses": self._pulse is not None,
            "cost": self.cost(),
            "base": {**self._base, "cut": self._look.cut},
            "history": [loads(text) for text in self._history],
        }

    def background_parent(self, found: Any) -> Any:
        """What output of the user's threads belongs to: the last cell seen, else what the loader found."""
        if self._parent is None:
            self._parent = found
        return self._parent

    def _install(self) -> None:
        self._installed = True  # from here on there is something to take back
        self._calls.begin()
        self._look.on_class = self._calls.watch_class
        self._own_threads = frozenset(sys._current_frames())
        loop = getattr(getattr(self._kernel, "iopub_thread", None), "io_loop", None)
        if loop is not None:
            names = UserNames(self._ip.user_ns)
            self._pulse = Pulse(loop, self._look, names, self._tell_pulse, self._goes_on)
        began = perf_counter()
        self._look.take()
        self._base = {"seq": 0, **self._look.everything()}
        self._costs.spent(perf_counter() - began)
        self._extend_calls()
        # Not by `register`, which compares each callback that is there with ours, and the user's may
        # define `__eq__`.
        for event in _HOOKS:
            self._ip.events.callbacks[event].append(getattr(self, event))
        self._kernel.comm_manager.comms[self._comm.comm_id] = self._comm

    def greeted(self) -> dict[str, Any]:
        """Somebody asks who is there, as before an attach: nothing of it is kept."""
        hooked = all(self._own_hooks(event) for event in _HOOKS)
        return {"nonce": self.nonce, "seq": self._seq, "hooked": hooked}

    def is_abandoned(self) -> bool:
        """Whether nobody watches any more, so that a probe of another version may take this one's place."""
        return self._stay.is_over and not self._is_watched()

    def told(self, msg: dict[str, Any]) -> None:
        """A watcher renews its lease, or leaves."""
        try:
            data = msg["content"]["data"]
            watcher = self._watchers.get(data.get("renew", ""))
            if watcher is not None:
                watcher.runs_since_renewal = 0
            asking = self._watchers.get(data.get("watcher", ""))
            if asking is not None and "poll" in data:
                asking.poll = data["poll"] or None
                self._tune_poller()
            if data.get("leave") in self._watchers:
                self.release(data["leave"])
            self._restore_parent()
        except Exception as error:
            if not is_own_failure(error):
                raise
            self._failures += 1

    def _restore_parent(self) -> None:
        """Give background output back to the cell that it belongs to."""
        if self._parent is not None:
            with suppress(Exception):  # a stream of the user's that refuses refuses every request
                self._ip.set_parent(self._parent)

    def release(self, watcher: str) -> None:
        """One watcher less; after the last one the probe leaves, unless it was asked to stay."""
        self._watchers.pop(watcher, None)
        self._tune_poller()
        if self._watchers:
            return
        self._stay.begin()
        if self._stay.is_over:
            self.leave()

    def _leave_after_the_stay(self) -> bool:
        """Called when its time is over; whether it could leave, which it does not in the middle of a run."""
        if self._runs or not self.is_abandoned():
            return False
        self.leave()
        return True

    def take_out(self) -> None:
        """Leaves although somebody may still watch, and tells them."""
        self._send({"kind": "detached", "reason": "the probe was taken out of the kernel"})
        self.leave()

    def leave(self) -> None:
        """Everything as it was: hooks, comm, poller, monitoring, modules.  May be called twice."""
        # fault: 28a
        for _ in range(2):  # once more, where an interrupt or a failure has left something
            failures = self._failures
            try:
                self._take_back()
            except BaseException as error:  # noqa: BLE001 - whatever it was, nothing may stay here
                self._failures += 1
                if not is_own_failure(error):
                    self.interrupts.keep(error)
            if self._failures == failures:
                return

    def _take_back(self) -> None:
        self._watchers.clear()
        self._installed = False
        self._runs.clear()
        for step in (
            self.interrupts.forget,
            self._stay.end,
            self._end_pulse,
            self._unhook,
            self._calls.end,
            self._forget_comm,
            self._forget_modules,
        ):
            try:
                step()
            except Exception:  # noqa: BLE001, PERF203 - what the user has taken apart must not keep the rest here
                self._failures += 1
        if self._poller is not None:
            self._poller.stop()
            self._poller = None

    def _end_pulse(self) -> None:
        if self._pulse is not None:
            self._pulse.leave()

    def _unhook(self) -> None:
        for event in _HOOKS:
            for place in reversed(self._own_hooks(event)):
                del self._ip.events.callbacks[event][place]

    def _own_hooks(self, event: str) -> list[int]:
        """Where among the callbacks of that event ours are."""
        callbacks = self._ip.events.callbacks.get(event, [])
        return [i for i, c in enumerate(callbacks) if type(c) is MethodType and c.__self__ is self]

    def _forget_comm(self) -> None:
        # fault: 55a
        self._kernel.comm_manager.comms.pop(self._comm.comm_id, None)

    def _forget_modules(self) -> None:
        own = sys.modules.get(__name__)
        # fault: 35a
        if own is not None and own.__dict__.get("AGENT") is not self:
            return  # another probe came after somebody had taken these modules away
        package = __name__.rpartition(".")[0]
        for name in [n for n in list(sys.modules) if type(n) is str]:
            if name == package or name.startswith(package + "."):
                del sys.modules[name]
        if own is not None:  # a frame in a traceback of the user's may keep the module
            own.__dict__["AGENT"] = None

    def _kernel_facts(self) -> dict[str, Any]:
        notebook = self._ip.user_ns.get("__vsc_ipynb_file__")
        session = os.environ.get("JPY_SESSION_NAME")
        ipykernel = sys.modules.get("ipykernel")
        return {
            "python": platform.python_version(),
            "pid": self._pid,
            "execution_count": (min(r.count for r in self._runs) if self._runs else self._ip.execution_count)
            - 1,
            "notebook": notebook if type(notebook) is str else session,
            "ipykernel": getattr(ipykernel, "__version__", ""),
            "cwd": _working_directory(),
            "sees_calls": self._calls.active,
        }

    # The hooks.  IPython calls them in the user's own cells: whatever happens stays in here.

    @guarded
    def pre_run_cell(self, info: Any) -> None:
        """Notes a run's beginning, and what changed since the one before."""
        begun, told = perf_counter(), self._seq
        if getpid() != self._pid:
            return  # a forked child
        self.interrupts.end_run()  # one whose end was not noticed
        # fault: 43a
        if not info.store_history or info.silent:
            return  # a tool's own request
        parent = self._ip.parent_header
        if not any(run.request == _message_id(parent) for run in self._runs):
            self.interrupts.announce(parent)  # no cell within a cell
        # fault: 39a
        if self._is_within(parent) or self._is_left_alone():
            return
        self._parent = parent
        company = bool(self._runs) or self._has_company()
        run = Running(info, parent, self._count_of_next(), company)
        self._runs.append(run)  # first of all, so that its end is told whatever happens here
        try:
            self._look_before(run)
        except BaseException as error:
            run.cut.append(f"the look before this run was cut short by {qualified_name(type(error))}")
            raise
        finally:
            if self._seq != told:
                self._after_encoding = 0.0  # counted here
            run.hook_seconds = perf_counter() - begun
            run.begin()

    def _look_before(self, run: Running) -> None:
        """Reports what changed since the last run."""
        if self._has_turn():
            try:
                self._between()
                run.looked = True
            finally:
                self._busy.release()
        self._calls.drain()  # of an object that the look found unchanged
        if self._pulse is not None:
            self._pulse.begin(run.count)

    @guarded
    def post_run_cell(self, result: Any) -> None:
        """Looks at what the run did, and tells the watchers."""
        ended = perf_counter()
        run = self._ended(result)
        if run is None:
            return
        self.interrupts.end_run()
        handler = self.interrupts.listen()
        try:
            self._look_after(result, run, ended)
        finally:
            self.interrupts.end_listening(handler)
            self._costs.spent(run.hook_seconds + perf_counter() - ended)

    def _look_after(self, result: Any, run: Running, ended: float) -> None:
        """Reports what the run did."""
        self._parent = run.parent
        if self._pulse is not None and not self._runs:
            self._pulse.end()
        if not self._has_turn():
            self._tell_unseen(result, run, ended, ": another look was at work")
            return
        try:
            self._observe_run(result, run, ended)
        except BaseException as error:
            if not run.told:
                self._tell_unseen(result, run, ended, f" was cut short by {qualified_name(type(error))}")
            raise
        finally:
            self._busy.release()

    def _count_of_next(self) -> int:
        """The execution count of a run that begins: IPython 9.16 has advanced its own by then."""
        count: int = self._ip.execution_count
        stored = len(self._ip.history_manager.input_hist_parsed)
        return count - 1 if count - 1 == stored else count

    def _is_within(self, parent: Any) -> bool:
        """Whether a cell that runs already has asked for this one, by ``run_cell``.

        One whose end was never told (an interrupt can fall between two of IPython's own steps) does
        not run any more when its thread begins another.
        """
        here, request = threading.get_ident(), _message_id(parent)
        for run in [r for r in self._runs if r.thread == here and r.request != request]:
            last = self._ip.last_execution_result
            run.result = last if last is not None and last.info is run.info else None
            self._untold.append(run)
            self._runs.remove(run)
        for run in [r for r in self._untold if r.thread == here]:
            if not run.told:
                self._tell_unseen(run.result, run, perf_counter(), ": the end of the run was not noticed")
            self._untold.remove(run)
        return any(r.request == request for r in self._runs)

    def _ended(self, result: Any) -> Running | None:
        """The run that this is the end of; ``None`` for a cell within a cell, and in a forked child."""
        # fault: 46a
        if getpid() != self._pid:
            return None
        here = threading.get_ident()
        for run in self._runs:
            if run.info is result.info if result is not None else run.thread == here:
                run.result = result
                self._untold.append(run)  # until it is told: a failure may fall in between
                self._runs.remove(run)
                return run
        parent = self._ip.parent_header
        if result is None or type(result.execution_count) is not int or not result.info.store_history:
            return None
        if any(r.request == _message_id(parent) for r in self._runs):
            return None
        run = Running(result.info, parent, result.execution_count, company=True)  # the hook before it failed
        run.result = result
        self._untold.append(run)
        return run

    def _has_turn(self) -> bool:
        """Whether nobody else looks: waits a little for the poller."""
        while self._busy._is_owned():
            self._busy.release()  # an interrupt fell between taking it and the `try` that gives it back
        return bool(self._busy.acquire(timeout=0.2))

    def handle(self, error: BaseException) -> None:
        """Keep what belongs to the user; count a failure of the probe, which leaves after the third."""
        if not is_own_failure(error):
            # fault: 24a
            self.interrupts.keep(error)
            return
        self._failures += 1
        # fault: 22b
        if self._failures >= MOST_FAILURES:
            try:
                self._send({"kind": "gone", "reason": f"the probe failed: {type(error).__name__}"})
            finally:
                self.leave()

    def _is_left_alone(self) -> bool:
        """Whether the last watcher has gone; then the probe has left."""
        for watcher in list(self._watchers.values()):
            watcher.runs_since_renewal += 1
            if watcher.is_gone():
                self._watchers.pop(watcher.id, None)
        if self._watchers:
            return False
        self._stay.begin()
        if not self._stay.is_over:
            return False
        self.leave()
        return True

    # Observations.

    def _between(self) -> None:
        """Tells what changed while no cell ran."""
        begun = perf_counter()
        late = not self._settled or self._look.behind
        seen = self._taken()
        if seen["names"] or seen["objects"]:
            seen["late"] = late or self._look.reached_again
            self._calls.check_tool()
            seen["calls"] = self._calls_told(self._calls.drain())
            seen["sees_calls"] = self._calls.active
            self._tell(seen, begun)
        self._settled = True
        self._extend_calls()

    def _taken(self) -> dict[str, Any]:
        """One look; what an earlier one found and nobody was told comes with it."""
        if not self._settled:
            # fault: 27a
            self._look.owe_everything()
        self._settled = False
        return self._look.take()

    def _observe_run(self, result: Any, run: Running, ended: float) -> None:
        late = not (self._settled and run.looked) or self._look.behind
        seen = self._taken()
        seen["late"] = late or self._look.reached_again
        seen["cut"] = [*run.cut, *seen["cut"]]
        self._calls.check_tool()
        seen["run"] = self._run_facts(result, run, ended)
        calls = self._calls.drain()
        seen["locals"] = self._locals(calls)
        seen["calls"] = self._calls_told(calls)
        seen["sees_calls"] = self._calls.active
        if self._calls.dropped:
            seen["cut"].append(f"calls on {self._calls.dropped} further objects")
        try:
            seen.update(self._code.read(self._source(run.info, seen["run"]), run.started))
        except Exception as error:  # the source is evidence, no condition: the run is told without it
            if not is_own_failure(error):
                raise
            seen["cut"].append(f"the cell's source: {type(error).__name__}")
        if "code" in seen and (run.company or self._runs or self._has_company()):
            seen["code"]["company"] = True
        self._tell(seen, ended, run)
        self._settled = True
        self._extend_calls()

    def _has_company(self) -> bool:
        """Whether a thread is alive that was not there at the attach, and is not the poller."""
        poller = self._poller.ident if self._poller is not None else None
        return not self._own_threads.issuperset(t for t in sys._current_frames() if t != poller)

    def _calls_told(self, calls: list[Any]) -> list[dict[str, Any]]:
        """Those on objects that a name or a composite reaches."""
        known = self._look.watched
        return [c.as_fact() for c in calls if c.token in known and known[c.token].record is not None]

    def _tell_unseen(self, result: Any, run: Running, ended: float, reason: str) -> None:
        """A run of which no more is known than that it was; the next look tells what it did."""
        self._settled = False
        self._tell(
            {
                "run": self._run_facts(result, run, ended),
                "names": {},
                "objects": [],
                "cut": [*run.cut, f"the look after this run{reason}"],
            },
            ended,
            run,
        )

    def _run_facts(self, result: Any, run: Running, ended: float) -> dict[str, Any]:
        info = run.info
        raw = info.raw_cell if type(info.raw_cell) is str else ""
        header = (run.parent or {}).get("header", {})
        count = result.execution_count if result is not None else None
        # fault: 77a
        # fault: 101a
        return {
            "execution_count": count if type(count) is int else run.count,
            "code": raw[:CODE_CHARACTERS],
            "code_cut": len(raw) > CODE_CHARACTERS,
            "code_hash": hashlib.blake2b(raw.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest(),
            "status": _status(result),
            "started": run.started,
            "seconds": ended - run.began,
            "cell_id": info.cell_id if type(getattr(info, "cell_id", None)) is str else None,
            "client": header.get("session"),
        }

    def _source(self, info: Any, run: dict[str, Any]) -> str:
        """The cell as Python: with IPython's magics already transformed."""
        parsed = self._ip.history_manager.input_hist_parsed
        count = run["execution_count"]
        source = parsed[count] if 0 < count < len(parsed) else info.raw_cell
        return source if type(source) is str else ""

    def _locals(self, calls: list[Any]) -> list[dict[str, Any]]:
        """Models that the user's code fitted inside a call and that no name reaches now."""
        found = []
        for call in calls:
            watched = self._look.watched.get(call.token)
            if not call.local or not call.returned or call.nested or call.method not in TEACHES:
                continue
            if watched is not None:
                continue  # a name or a composite reaches it, or did
            fact = call.as_fact()
            obj = target_of(call.reference)
            number = self._look.next_number() if obj is None else self._look.number(obj)
            found.append(
                {
                    "token": call.token,
                    "generation": number,
                    "cls": fact["cls"],
                    "method": fact["method"],
                    "inside": fact["inside"],
                    "id": call.address,
                }
            )
        return found

    def _extend_calls(self) -> None:
        """Sees more calls from the next run on; none any more where seeing them failed."""
        if self._calls.failed >= MOST_FAILURES:
            self._calls.end()
        self._calls.watch_sklearn()
        self._calls.watch_frameworks()

    def _tell(self, seen: dict[str, Any], begun: float, run: Running | None = None) -> None:
        """Number, encode, keep and send one observation.

        Args:
            begun: when the hook began that found it, by ``perf_counter``.
        """
        self._seq += 1
        seen["seq"] = self._seq
        self._costs.not_evaluated += len(seen["cut"]) + sum(len(o["not_evaluated"]) for o in seen["objects"])
        # fault: 31a
        body = dumps(seen)
        encoded = perf_counter()
        # Its own sending is still to come; that of the observation before it counts here instead.
        # fault: 102a
        spent = encoded - begun + self._after_encoding + (run.hook_seconds if run is not None else 0.0)
        text = body[:-1] + ", " + dumps({"hook_seconds": spent, "cost": self.cost()})[1:]
        # fault: 84a
        self._remember(text)
        if run is not None:
            run.told = True  # before it is sent: a gap in the numbers is honest, a run told twice is not
        self._send({"kind": "observation", "observation": text})
        self._after_encoding = perf_counter() - encoded

    def cost(self) -> dict[str, Any]:
        """What the probe has cost the kernel so far."""
        failures = self._failures + self._calls.failed
        return self._costs.told(failures + (self._pulse.failures if self._pulse is not None else 0))

    def watchers(self) -> int:
        """How many there are that have not left."""
        return sum(not w.is_gone() for w in list(self._watchers.values()))

    def there(self) -> dict[str, Any]:
        """What an audit is told of the probe that is in the kernel."""
        return {"version": self.version, "watchers": self.watchers(), "cost": self.cost()}

    def _is_watched(self) -> bool:
        return self.watchers() > 0

    def _goes_on(self) -> bool:
        """Whether a run is under way and anybody listens; of one whose end was kept from us IPython tells."""
        last = self._ip.last_execution_result
        ended = last.info if last is not None else None
        hooked = self._own_hooks("post_run_cell")
        return bool(hooked) and self._is_watched() and any(r.info is not ended for r in self._runs)

    def _tell_pulse(self, pulse: dict[str, Any]) -> None:
        # From the thread that publishes: to be handed a message by itself it would make one more socket.
        publish = getattr(self._kernel.iopub_thread, "_really_send", self._kernel.iopub_socket.send_multipart)
        self._send({"kind": "pulse", "pulse": dumps(pulse)}, publish)

    def _remember(self, text: str) -> None:
        """Keeps the observation for watchers to come; the oldest are folded into the base."""
        self._history.append(text)
        self._history_bytes += len(text)
        while self._history_bytes > HISTORY_BYTES and len(self._history) > 1:
            oldest = self._history.popleft()
            self._history_bytes -= len(oldest)
            _fold(self._base, loads(oldest))

    def _send(self, told: dict[str, Any], publish: Any = None) -> None:
        """On iopub, in passing: nothing is waited for."""
        # fault: 41b
        content = {"comm_id": self._comm.comm_id, "data": {"kernelscope": {"nonce": self.nonce, **told}}}
        self._costs.sent += sum(map(len, told.values()))
        session = self._kernel.session
        message = session.msg("comm_msg", content, parent=self._parent or {})
        frames = session.serialize(message, ident=b"comm-" + self._comm.comm_id.encode())
        # Not by `session.send`: of what is long pyzmq would keep no copy, and start a thread that stays.
        (publish or self._kernel.iopub_socket.send_multipart)(frames, copy=True)

    # Between runs, where a watcher asked for it.

    def _tune_poller(self) -> None:
        """As often as the most curious watcher asks for; not at all where none does any more."""
        wanted = [w.poll for w in self._watchers.values() if w.poll]
        if not wanted:
            poller, self._poller = self._poller, None
            if poller is not None:
                poller.stop()
        elif self._poller is None:
            self._poller = Poller(self.look_between_runs, min(wanted))
            self._poller.start()
        else:
            self._poller.seconds = min(wanted)

    def look_between_runs(self) -> None:
        """One look by the poller, where no cell runs and no hook looks."""
        if self._runs or not self._busy.acquire(blocking=False):
            return
        try:
            begun = perf_counter()
            if self.is_abandoned():
                self.leave()
            else:
                self._between()
                self._costs.spent(perf_counter() - begun)
        except Exception:  # noqa: BLE001 - it may meet a namespace in mid-change; the hooks tell the rest
            self._failures += 1
        finally:
            self._busy.release()


def _message_id(parent: Any) -> object:
    header = parent.get("header") if type(parent) is dict else None
    return header.get("msg_id") if type(header) is dict else None


def _status(result: Any) -> str:
    if result is None:
        return "interrupted"
    error = result.error_before_exec if result.error_before_exec is not None else result.error_in_exec
    if error is None:
        return "ok"
    interrupted = any(base is KeyboardInterrupt for base in mro_of(type(error)))
    return "interrupted" if interrupted else "error"


def _working_directory() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return ""


def _fold(base: dict[str, Any], observation: dict[str, Any]) -> None:
    """Brings a base forward over one observation."""
    objects = {o["token"]: o for o in base["objects"]}
    objects.update({o["token"]: o for o in observation["objects"]})
    for name, token in observation["names"].items():
        if token is None:
            base["names"].pop(name, None)
        else:
            base["names"][name] = token
    held = set(base["names"].values())
    pending = list(held)
    while pending:
        parts = objects.get(pending.pop(), {}).get("parts", ())
        pending += [p["token"] for p in parts if p["token"] not in held]
        held.update(p["token"] for p in parts)
    base["objects"] = [o for t, o in objects.items() if t in held]
    base["seq"] = observation["seq"]
