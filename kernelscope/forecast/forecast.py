"""What running a cell again *would* do: a forecast, and never to be taken for something observed.

It is made as a verdict is.  From what the cell's last run was seen to do, from what the names hold now
and from the rule cards, the observation is put together that the probe would make of one more run; the
judge is asked about it as about any other.  What the cell's text alone can tell (an assignment that is
made only once, a setting that is there already) is read from the text.  Where neither tells, the forecast
says so: a wrong one would be worse than none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from kernelscope.cellcode.source import ANY, SOME, Binding, Setting, Source, Surroundings, read, root_of
from kernelscope.domain.changes import Change, Identity, Learned, Run, Verdict
from kernelscope.domain.display import short_class, shown
from kernelscope.domain.facts import (
    Call,
    FileAccess,
    MethodInCode,
    ObjectFacts,
    Observation,
    Opaque,
    Signature,
    Value,
)
from kernelscope.libraries.registry import Effect, card_for
from kernelscope.timeline.view import History
from kernelscope.verdicts.context import DEPTH, JudgingContext, rows_of
from kernelscope.verdicts.judge import judge, tokens_in_use

_TEACHES = (Effect.REFITS, Effect.CONTINUES)
_TAUGHT = (Learned.FITTED, Learned.REFITTED, Learned.CONTINUED)
_NEW = (Identity.NEW, Identity.RECREATED)


class Forecast(Struct, frozen=True):
    """What running a cell again would do to one name."""

    name: str
    verdict: Verdict | None
    """``untouched`` where it can be told that nothing would happen; ``None`` where nothing can be told."""
    reason: str
    """In words that a colleague would say."""
    sure: bool = True
    """Nothing that is known speaks against it."""


class Outlook(Struct, frozen=True):
    """What running a cell again would do, as far as it can be told."""

    forecasts: tuple[Forecast, ...] = ()
    doubt: str | None = None
    """Why less than usual can be told of this cell; no forecast of it is sure then."""

    @property
    def told(self) -> tuple[Forecast, ...]:
        """Those that say that something would happen."""
        return tuple(f for f in self.forecasts if f.verdict not in (None, Verdict.UNTOUCHED))


class Forecaster:
    """Makes forecasts from what a timeline knows at this moment; another moment needs another one.

    Args:
        around: what the cells until now define, where that is known already.
    """

    def __init__(self, timeline: History, around: Surroundings | None = None) -> None:
        self._timeline = timeline
        self._known = around

    def of(self, run: Run) -> Outlook:
        """What running the same cell again would do now; ``run`` is the latest run of it."""
        if run.epoch != self._timeline.epoch:
            return Outlook(doubt="the kernel was restarted after it ran")
        return _Again(self, run).outlook()

    @property
    def names(self) -> Mapping[str, int]:
        """What every name holds now."""
        return self._timeline.names

    @property
    def objects(self) -> Mapping[int, ObjectFacts]:
        """Every object that is known now."""
        return self._timeline.objects

    @property
    def trained(self) -> Mapping[int, bool]:
        """Of every network, whether it has learned anything."""
        return self._timeline.trained

    @cached_property
    def in_use(self) -> frozenset[int]:
        """Objects that a name reaches now."""
        return tokens_in_use(self.objects, self.names)

    @cached_property
    def by_root(self) -> dict[str, list[str]]:
        """Every name that ever held a model, by the variable through which it is reached."""
        found: dict[str, list[str]] = {}
        for row in self._timeline.rows():
            if row.whole is None:
                found.setdefault(root_of(row.name), []).append(row.name)
        return found

    def held_then(self, name: str, run: Run) -> ObjectFacts | None:
        """What the name held after this run, as it was then."""
        held = self._timeline.held_at(name, run.moment)
        return held.facts if held is not None else None

    def was_saved_since(self, file: str, run: Run) -> bool:
        """Whether a later run wrote a model to this file."""
        later = (m for m in self._timeline.moments[run.moment + 1 :])
        stored = (c.persistence for m in later for c in m.changes if c.persistence is not None)
        return any(p.action == "saved" and p.file == file for p in stored)

    def source(self, run: Run) -> Source:
        """The cell's text, read; the functions that it calls are looked for in the other cells."""
        return read(run.facts.code, self._around)

    @cached_property
    def _around(self) -> Surroundings:
        return self._known or Surroundings(cell.code for cell in self._timeline.cells())


class _Again:
    """One cell, run once more in thought."""

    def __init__(self, now: Forecaster, run: Run) -> None:
        self.now, self.run, self.seen = now, run, run.seen
        self.source = now.source(run)
        self.told = {c.name: c for c in run.changes}
        roots = dict.fromkeys((*sorted(self.source.needs), *map(root_of, self.told)))
        names = [n for root in roots for n in now.by_root.get(root, ())]
        held = {n: facts for n in names if (facts := now.held_then(n, run)) is not None}
        self.then = {n: facts.token for n, facts in held.items()}
        self.facts_then = {f.token: f for f in (*held.values(), *run.seen.objects)}
        self.moved = dict(self._moves())
        self.names: dict[str, int] = dict(now.names)
        """What the names would hold after it."""
        self.objects: dict[int, ObjectFacts] = {}
        """The objects as they would be after it, where they would differ."""
        self.said: dict[str, Forecast] = {}
        """What was told without the judge."""
        self.unsure: set[str] = set()
        self.makers: dict[str, str] = {}

    def outlook(self) -> Outlook:
        doubt = self._doubt()
        stop = self._would_raise()
        if stop is not None:
            names = [c.name for c in self.run.changes]
            return Outlook(tuple(Forecast(n, None, stop, sure=False) for n in names), doubt or stop)
        self._make_new_objects()
        self._bind_names()
        self._set_parameters()
        again = self._observation()
        told = [self._forecast(c, again) for c in self._judged(again)]
        found = {f.name: f for f in told}
        for name, forecast in self.said.items():
            if forecast.verdict is None or name not in found:
                found[name] = forecast
        for name in self.told:
            if name not in found and (left := self._left_alone(name)) is not None:
                found[name] = left
        if doubt is not None:
            found = {n: replace(f, sure=False) for n, f in found.items()}
        order = {n: place for place, n in enumerate((*self.told, *found))}
        return Outlook(tuple(sorted(found.values(), key=lambda f: order[f.name])), doubt)

    # What speaks against any forecast.

    def _doubt(self) -> str | None:
        run = self.run
        if run.facts.status != "ok":
            return "it raised an error" if run.facts.status == "error" else "it was interrupted"
        if run.facts.code_cut or not self.source.readable:
            return "its code could not be read"
        if run.cut:
            return "not all that it did was seen"
        return None if run.seen.code.complete else "not all of its code could be followed"

    def _would_raise(self) -> str | None:
        """A name that it needs is not there any more."""
        for name in self.source.lost:
            if name not in self.now.names:
                return f"it needs {name}, which it deletes itself"
        for name in self.then:
            if name in self.source.needs and name not in self.now.names and name not in self._bound:
                return f"it needs {name}, which holds no model any more"
        for root in {root_of(n) for n in self.then} & self.source.needs - self._bound:
            if not any(n in self.now.names for n in self.now.by_root[root]):
                return f"it needs {root}, which holds no models any more"
        return None

    @cached_property
    def _bound(self) -> frozenset[str]:
        return frozenset(b.target for b in self.source.bindings)

    # Which object the code would act on now.

    def _moves(self) -> Iterator[tuple[int, int]]:
        """Names that the cell reads, and that hold another object than they held when it ran."""
        by_token: dict[int, list[str]] = {}
        for name, token in self.then.items():
            by_token.setdefault(token, []).append(name)
        for token, names in by_token.items():
            needed = [n for n in names if root_of(n) in self.source.needs and n in self.now.names]
            places = {self.now.names[n] for n in needed if n not in self._changed_hands}
            if places and token not in places:
                yield token, min(places)
            elif not places and token not in self.now.in_use:
                others = [self.now.names[n] for n in names if n in self.now.names]
                if others:
                    yield token, others[0]

    @cached_property
    def _changed_hands(self) -> frozenset[str]:
        """Names that the cell gave another object."""
        return frozenset(c.name for c in self.run.changes if c.identity is not Identity.SAME)

    def _at(self, token: int) -> int:
        """The object that would stand where this one stood; one that is made anew has a number that no
        object has."""
        return -token if token in self.run.fresh else self.moved.get(token, token)

    def _is_there(self, token: int) -> bool:
        return token < 0 or token in self.now.in_use

    def _facts(self, token: int) -> ObjectFacts | None:
        return self.objects.get(token) or self.now.objects.get(token)

    # What it would make, and bind.

    def _make_new_objects(self) -> None:
        for token in self.run.fresh:
            facts = self.facts_then[token]
            parts = tuple(replace(p, token=self._at(p.token)) for p in facts.parts)
            self.objects[-token] = replace(facts, token=-token, generation=None, parts=parts)

    def _bind_names(self) -> None:
        fresh = {c.name for c in self.run.changes if c.identity in _NEW}
        pending = {n for n in fresh if self._is_made_again(n)}
        step, held = 0, self.names
        for binding in self.source.bindings:
            if binding.condition or not self._runs(binding):
                continue
            if binding.step != step:
                step, held = binding.step, dict(self.names)
            self._bind(binding, held, pending)
        for name in pending:
            self.names[name] = self._at(self.then[name])
        self._rebind_the_rest()
        self._loop()
        for target in self.source.deletes:
            if not any(b.target == target for b in self.source.bindings):
                for name in self._under(target, self.names):
                    del self.names[name]

    def _bind(self, binding: Binding, held: Mapping[str, int], pending: set[str]) -> None:
        target = binding.target
        if target.endswith(SOME):
            self._put(target.removesuffix(SOME), pending)
        elif binding.kind == "alias":
            self._alias(binding, held)
        else:
            self._rebind(binding, pending)
        if binding.missing is not None and target in self.now.by_root and target not in self.told:
            self._say(target, None, f"it would be made now, since there is no {binding.missing}")

    def _loop(self) -> None:
        """A loop through a container that has other items by now."""
        for binding in self.source.bindings:
            if binding.kind != "loop" or not binding.text or binding.condition:
                continue
            had, has = self._under(binding.text, self.then), self._under(binding.text, self.names)
            if set(had) == set(has) or not (had or has):
                continue
            for name in (*has, binding.target):
                if (name not in had or name == binding.target) and name in self.now.names:
                    self._say(name, None, f"{binding.text} has other items now")

    def _put(self, container: str, pending: set[str]) -> None:
        """Items that the text does not tell: those that it put there before."""
        for name in sorted(pending):
            if name.startswith(f"{container}["):
                self.names[name] = self._at(self.then[name])

    def _runs(self, binding: Binding) -> bool:
        return binding.missing is None or binding.missing not in self.now.names

    def _is_made_again(self, name: str) -> bool:
        """Whether the name would get another new object; if that cannot be told, it is said."""
        change, binding = self.told[name], self.source.binding(name)
        if self.then.get(name) not in self.run.fresh:
            return False
        if binding is None:
            return self._is_made_out_of_sight(name, change)
        cls = short_class(change.cls)
        self.makers[name] = self._maker(binding, cls)
        if not self._runs(binding):
            self._say(name, Verdict.UNTOUCHED, f"it is made only while there is no {binding.missing}")
            return False
        if binding.condition:
            self._say(name, None, "it is made only under a condition")
            return False
        made = binding.kind in ("loop", "item") and self._is_container_made_here(binding.text)
        if (binding.kind in ("loop", "item") and not made) or (
            binding.kind == "alias" and not self._is_made_here(binding.text)
        ):
            self._say(name, None, "it was there before, and where it came from could not be read")
            return False
        if binding.kind == "may keep":
            maker = f"{binding.text}()" if binding.text else "what makes it"
            self._say(name, None, f"{maker} may hand out one that it kept")
            return False
        return True

    def _is_made_here(self, text: str) -> bool:
        """Whether what the text stands for is made anew by this cell: ``search.best_estimator_`` after
        ``search.fit(X, y)``."""
        root = root_of(text)
        return any(root_of(n) == root for n in self.told) or any(
            b.target == root for b in self.source.bindings
        )

    def _is_container_made_here(self, name: str) -> bool:
        """Whether what is gone through, with all that it holds, is made anew by this cell."""
        binding = self.source.binding(name)
        return (
            binding is not None and binding.kind == "makes" and not binding.condition and self._runs(binding)
        )

    def _is_made_out_of_sight(self, name: str, change: Change) -> bool:
        container = name[: name.rfind("[")] if name.endswith("]") else ""
        if container in self.source.grows:
            self._grow(name, container, change)
            return False
        if change.identity is Identity.RECREATED:
            self.unsure.add(name)
            self.makers[name] = f"it put a new {short_class(change.cls)} in place of the old one"
            return True
        self._say(name, None, "where it is made could not be read")
        return False

    def _grow(self, name: str, container: str, change: Change) -> None:
        """Appended to a list: another one would be appended behind it."""
        places = [int(i) for n in self.now.names if (i := _place(n, container)) is not None]
        mine = _place(name, container)
        appended = sum(_place(n, container) is not None and c.identity in _NEW for n, c in self.told.items())
        last = [int(i) for n in self.then if (i := _place(n, container)) is not None]
        if mine is None or not places or max(places) != max(last):
            self._say(name, None, f"{container} has other items now")
            return
        self._say(name, Verdict.UNTOUCHED, "another one is appended behind it")
        grown = f"{container}[{int(mine) + appended}]"
        self.names[grown] = self._at(self.then[name])
        self.makers[grown] = f"it appends another {short_class(change.cls)} to {container}"

    def _alias(self, binding: Binding, names: Mapping[str, int]) -> None:
        """``c = a``: whatever is reached through ``a`` is reached through ``c`` as well."""
        rows = rows_of(
            {n: t for n, t in names.items() if root_of(n) == root_of(binding.text)},
            {**self.now.objects, **self.objects},
        )
        held = {n: t for n, (t, _) in rows.items()}
        reached = {binding.target + n[len(binding.text) :]: held[n] for n in self._under(binding.text, held)}
        if binding.text in held:
            reached = {binding.target: held[binding.text]}
        if not reached:
            return
        for name in self._under(binding.target, self.names):
            del self.names[name]
        self.names.update(reached)
        self.makers.update(dict.fromkeys(reached, f"it gives it what {binding.text} holds"))

    def _rebind(self, binding: Binding, pending: set[str]) -> None:
        """A value that is no other name's: items that it had before and would not have again are gone."""
        had = self._under(binding.target, self.then)
        made = [n for n in had if n in pending or (n in self.told and n not in self.said)]
        if binding.kind == "loop" or (had and not made):
            return
        if not had and binding.kind != "plain":
            return
        for name in self._under(binding.target, self.names):
            if name not in had:
                del self.names[name]
        for name in had:
            token = self._at(self.then[name])
            if name in pending or self._is_there(token):
                self.names[name] = token
                self._copy(binding, token)
            pending.discard(name)

    def _copy(self, binding: Binding, token: int) -> None:
        """A copy is made of what there is now, not of what there was."""
        given = self.names.get(binding.given or "")
        model = self._facts(given) if given is not None else None
        mine = self.objects.get(token)
        if model is None or mine is None or model.parts or model.cls != mine.cls:
            return
        learned = (
            {} if binding.text == "clone" else {n: replace(s, serial=1) for n, s in model.learned.items()}
        )
        self.objects[token] = replace(mine, params=model.params, learned=learned)

    def _rebind_the_rest(self) -> None:
        """Names that were given an object known before, in a way that is no plain ``c = a``."""
        aliased = {b.target for b in self.source.bindings if b.kind == "alias"}
        for name, change in self.told.items():
            if change.identity is not Identity.REBOUND or name in aliased:
                continue
            binding = self.source.binding(name)
            if binding is None:
                self._say(name, None, "how it gets that object could not be read")
                continue
            if binding.condition or not self._runs(binding):
                self._say(name, None, "it is bound only under a condition")
                continue
            token = self._at(self.then[name])
            if not self._is_there(token):
                continue
            self.names[name] = token
            if binding.kind != "loop":
                self.unsure.add(name)
            self.makers[name] = f"it gives it the {short_class(change.cls)} that it gave it before"

    @staticmethod
    def _under(target: str, names: Iterable[str]) -> list[str]:
        """The name itself, and the names that are reached through it."""
        return [n for n in names if n == target or n.startswith((f"{target}[", f"{target}."))]

    # What it would set.

    def _set_parameters(self) -> None:
        """Hyper-parameters: as they were set before, or as the text sets them."""
        for change in self.run.changes:
            if change.identity is not Identity.SAME or change.name not in self.now.names:
                continue
            for path, (_, value) in (change.params or {}).items():
                self._set(self.now.names[change.name], path, value)
        for setting in self.source.settings:
            token = self._resolved(setting.receiver)
            if token is None or token < 0:
                continue
            if setting.how == "constant" and setting.scalar and not setting.item:
                self._set(token, setting.attribute, setting.value)
            elif setting.how == "itself" and self._has_changed(setting):
                self._set(token, setting.attribute, Opaque("another value", None, -1))

    def _has_changed(self, setting: Setting) -> bool:
        root = root_of(setting.receiver)
        mine = (c for n, c in self.told.items() if root_of(n) == root)
        return any(p.rsplit("__", 1)[-1] == setting.attribute for c in mine for p in c.params or {})

    def _resolved(self, text: str) -> int | None:
        """The object that a name or a part (``pipe['clf']``) stands for after the bindings."""
        if text in self.names:
            return self.names[text]
        root = root_of(text)
        mine = {n: t for n, t in self.names.items() if root_of(n) == root}
        rows = rows_of(mine, {**self.now.objects, **self.objects})
        return rows[text][0] if text in rows else None

    def _set(self, token: int, path: str, value: Value) -> None:
        """``clf__C`` is ``C`` of the part that was given under the key ``clf``."""
        facts = self._facts(token)
        if facts is None or token < 0:
            return
        if path in facts.params:
            self.objects[token] = replace(facts, params={**facts.params, path: value})
            return
        key, found, rest = path.partition("__")
        for part in facts.parts if found else ():
            if part.key == key:
                self._set(part.token, rest, value)

    # What it would teach, and edit.

    def _observation(self) -> Observation:
        seen = self.seen
        calls = [*self._calls()] if seen.sees_calls else []
        if not seen.sees_calls:
            self._learn_without_calls()
        for call in calls:
            if call.returned and call.token > 0:
                self._learn(call.token, call.method)
        assigned = tuple(self._edits())
        methods = tuple(self._moved_method(m) for m in seen.code.methods)
        objects = tuple(f for t, f in self.objects.items() if f != self.now.objects.get(t))
        return replace(
            seen,
            names={},
            objects=objects,
            calls=tuple(calls),
            locals=(),
            files=tuple(self._files()),
            code=replace(seen.code, methods=methods, assigned=assigned),
        )

    def _moved_method(self, method: MethodInCode) -> MethodInCode:
        return method if method.token is None else replace(method, token=self._at(method.token))

    def _files(self) -> Iterator[FileAccess]:
        for access in self.seen.files:
            if access.token is None:
                yield access
            elif self._is_there(token := self._at(access.token)):
                yield replace(access, token=token)

    def _calls(self) -> Iterator[Call]:
        """The calls that would be seen: those that were, on the objects that stand there now."""
        astray = any(self._at(c.token) not in (c.token, -c.token) for c in self.seen.calls if not c.nested)
        for call in self.seen.calls:
            token = self._at(call.token)
            if call.nested and astray and token > 0:
                continue  # made by a call that would be made on another object
            if not call.returned or not self._is_there(token):
                continue
            if token < 0 or token == call.token or not call.nested:
                yield replace(call, token=token, cls=facts.cls if (facts := self._facts(token)) else call.cls)
            if token > 0 and not call.nested and facts is not None:
                yield from self._passed_on(facts, call)

    def _passed_on(self, whole: ObjectFacts, call: Call, depth: int = DEPTH) -> Iterator[Call]:
        """A pipeline fits the steps that it was given."""
        card = card_for(whole)
        if (
            depth == 0
            or not card.works_with_given_parts(whole)
            or card.effect(whole, call.method) not in _TEACHES
        ):
            return
        for part in whole.parts:
            facts = self._facts(part.token)
            if part.key is not None and facts is not None:
                yield Call(part.token, facts.cls, "fit", 1, 1, nested=True)
                yield from self._passed_on(facts, call, depth - 1)

    def _learn_without_calls(self) -> None:
        """Where calls are not seen: what was told to have learned would learn again."""
        possible = {
            self._at(m.token): m.method
            for m in self.seen.code.methods
            if m.token is not None and self._teaches(self._at(m.token), m.method)
        }
        astray = any(self._at(m.token) != m.token for m in self.seen.code.methods if m.token in self.moved)
        differed = {f.token for f in self.seen.objects if not astray and self._at(f.token) == f.token}
        for change in self.run.changes:
            was = self.then.get(change.name, 0)
            token = self._at(was)
            rebound = change.identity not in (Identity.SAME, Identity.REBOUND)
            if token <= 0 or rebound or change.learned not in (*_TAUGHT, Learned.UNKNOWN):
                continue
            held = self._with_parts(token)
            mine = [t for t in held if t in possible]
            stands_in = [token] if token != was and any(f.token == was for f in self.seen.objects) else []
            for one in mine or stands_in or [t for t in held if t in differed]:
                self._learn(one, possible.get(one, "fit"))

    def _teaches(self, token: int, method: str) -> bool:
        facts = self._facts(token)
        return facts is not None and card_for(facts).effect(facts, method) in _TEACHES

    def _with_parts(self, token: int, depth: int = DEPTH) -> list[int]:
        facts = self._facts(token)
        if facts is None or depth == 0:
            return []
        return [token, *(t for p in facts.parts for t in self._with_parts(p.token, depth - 1))]

    def _learn(self, token: int, method: str, depth: int = DEPTH) -> None:
        """The object, and the parts that it works with, after such a call."""
        facts = self._facts(token)
        if facts is None or depth == 0:
            return
        card = card_for(facts)
        if card.effect(facts, method) not in (*_TEACHES, Effect.RESTORES):
            return
        given = [p for p in facts.parts if p.key is not None] if card.works_with_given_parts(facts) else []
        for part in given:
            self._learn(part.token, "fit", depth - 1)
        then = self.facts_then.get(token)
        model = then.learned if then is not None and then.learned else {}
        learned = {n: _once_more(s) for n, s in {**model, **facts.learned}.items()}
        if not learned and not given:
            learned = {"coef_": Signature("learned", 1)}
        self.objects[token] = replace(self._facts(token) or facts, learned=learned)

    def _edits(self) -> Iterator[tuple[int, str]]:
        """Attributes that would be written, and would differ afterwards."""
        for was, attribute in self.seen.code.assigned:
            token = self._at(was)
            facts = self._facts(token)
            if facts is None or attribute not in facts.learned or token < 0:
                yield token, attribute
            elif self._differs_when_written(was, attribute):
                yield token, attribute
                learned = {**facts.learned, attribute: _once_more(facts.learned[attribute])}
                self.objects[token] = replace(facts, learned=learned)

    def _differs_when_written(self, was: int, attribute: str) -> bool:
        token = self._at(was)
        same = [s for s in self.source.settings if s.attribute == attribute]
        ways = [s for s in same if self._resolved(s.receiver) == token]
        if any(s.how == "itself" or (not s.item and _is_another_each_time(s)) for s in ways):
            return True
        then, now = self.facts_then.get(was), self.now.objects.get(token)
        if not ways or then is None or now is None:
            return False
        a, b = then.learned.get(attribute), now.learned.get(attribute)
        return a is not None and b is not None and (a.digest, a.text) != (b.digest, b.text)

    # What the judge says of it, in words.

    def _judged(self, again: Observation) -> Iterator[Change]:
        before = self.now.objects
        after = {**before, **self.objects}
        context = JudgingContext(again, before, after, self.now.names, self.names, trained=self.now.trained)
        rows = (
            rows_of(self._touched(self.now.names, context), before),
            rows_of(self._touched(self.names, context), after),
        )
        for name, change in judge(context, *rows).items():
            if all(row[name][1] is None for row in rows if name in row):
                yield change

    def _touched(self, names: Mapping[str, int], context: JudgingContext) -> dict[str, int]:
        """The names that the judge has to look at: those that would hold another object, or one that
        would differ."""
        before, after, touched, objects = self.now.names, self.names, context.touched, context.after
        return {
            n: t
            for n, t in names.items()
            if before.get(n) != after.get(n)
            or t in touched
            or (objects[t].parts and context.may_differ(objects[t]))
        }

    def _forecast(self, change: Change, again: Observation) -> Forecast:
        name, verdict, last = change.name, change.verdict, self.told.get(change.name)
        if verdict is Verdict.UNKNOWN or (last is not None and last.verdict is Verdict.UNKNOWN):
            return Forecast(name, None, "what it did last time could not be told either", sure=False)
        source = change.persistence.file if change.persistence is not None else None
        if verdict is Verdict.RESTORED and source and self.now.was_saved_since(source, self.run):
            return Forecast(name, None, f"{source.rsplit('/', 1)[-1]} was written anew since", sure=False)
        if verdict in (Verdict.REFITTED, Verdict.CONTINUED, Verdict.FITTED):
            open_end = self._open_end(name)
            if open_end is not None:
                return Forecast(name, None, open_end, sure=False)
        return Forecast(name, verdict, self._reason(change, again), name not in self.unsure)

    def _open_end(self, name: str) -> str | None:
        """Why it cannot be told whether or how it would learn."""
        token = self.names[name]
        facts = self._facts(token)
        if facts is not None and isinstance(facts.params.get("warm_start"), Opaque):
            return "what it sets warm_start to could not be read"
        calls = {c.method for c in self.seen.calls if not c.nested and c.returned}
        methods = calls or {m.method for m in self.seen.code.methods}
        taught = [m for m in methods if facts is not None and card_for(facts).effect(facts, m) in _TEACHES]
        receivers = {n for n, t in (*self.names.items(), *self.then.items()) if self._at(t) == token}
        if taught and all(self.source.is_conditional(m, receivers) for m in taught):
            return f"{taught[0]}() is called only under a condition"
        return None

    def _reason(self, change: Change, again: Observation) -> str:  # noqa: C901 - a case per verdict
        name = change.name
        cls = short_class(change.cls)
        match change.verdict:
            case Verdict.RESTORED if change.persistence is not None and change.persistence.file:
                return f"it loads {change.persistence.file.rsplit('/', 1)[-1]} again"
            case Verdict.RESTORED:
                return "it brings a saved state back again"
            case Verdict.RESET | Verdict.CREATED:
                return self.makers.get(name, f"it makes a new {cls} each time")
            case Verdict.COPIED if change.learned is Learned.CARRIED and not again.code.copies:
                return f"it makes a new {cls} around parts that keep what they learned"
            case Verdict.COPIED:
                return "it makes another copy each time"
            case Verdict.ALIASED:
                return self.makers.get(name, "it gives it an object known before")
            case Verdict.DELETED:
                return "it leaves no model in it"
            case Verdict.SAVED:
                file = (change.persistence.file or "") if change.persistence else ""
                return f"it writes {file.rsplit('/', 1)[-1] or 'the file'} again"
            case Verdict.PARAMS:
                return self._of_params(change.params or {})
            case Verdict.EDITED:
                written = [a for t, a in again.code.assigned if t == self.names.get(name)]
                return f"it writes to {' and '.join(written) or 'what it learned'} again"
            case _:
                return self._of_learning(self.names[name], change.verdict, again)

    @staticmethod
    def _of_params(params: Mapping[str, tuple[Value, Value]]) -> str:
        told = []
        for name, (now, then) in params.items():
            new = isinstance(then, Opaque) and then.serial < 0
            told.append(
                f"changes {name} once more" if new else f"sets {name} to {shown(then)}, now {shown(now)}"
            )
        return f"it {' and '.join(told[:2])}" + (" and more" if len(told) > 2 else "")

    def _of_learning(self, token: int, verdict: Verdict, again: Observation) -> str:
        facts = self._facts(token)
        if facts is None:
            return "it learns"
        methods = [c.method for c in again.calls if c.token == token and not c.nested]
        methods += [m.method for m in again.code.methods if m.token in (token, None)]
        taught = [m for m in methods if card_for(facts).effect(facts, m) in _TEACHES]
        if not taught:
            whole = "a pipeline" if len(facts.parts) == 0 else "its part"
            return f"{whole} learns {'anew' if verdict is Verdict.REFITTED else 'in it'}"
        call, warm = f"{taught[0]}()", facts.params.get("warm_start")
        if verdict is Verdict.FITTED:
            return f"it has learned nothing yet, and {call} is called"
        if verdict is Verdict.CONTINUED:
            return f"{call} goes on" + (
                ": warm_start is True" if warm is True and "partial" not in call else ""
            )
        return f"{call} begins anew" + (": warm_start is False" if warm is False else "")

    def _left_alone(self, name: str) -> Forecast | None:
        """Changed by the last run, and the judge says nothing of one more."""
        change = self.told[name]
        if change.verdict is Verdict.DELETED:
            told = name not in self.now.names and self._reads_the_end_of(name)
            return None if told else Forecast(name, None, "how it went could not be read", sure=False)
        if name not in self.now.names:
            return Forecast(name, None, "it holds no model any more", sure=False)
        then = self.then.get(name)
        if change.identity is Identity.SAME and then is not None and self._at(then) != self.now.names[name]:
            return Forecast(
                name, Verdict.UNTOUCHED, "it holds another object by now than the one this acts on"
            )
        if change.verdict is Verdict.ALIASED:
            return Forecast(name, Verdict.UNTOUCHED, "it holds that object already", name not in self.unsure)
        if change.verdict is Verdict.PARAMS:
            return self._params_left_alone(name, change)
        if change.verdict is Verdict.EDITED and self._wrote_what_is_there(name):
            return Forecast(name, Verdict.UNTOUCHED, "it holds what it would write already")
        return Forecast(name, None, "what it does could not be read from its code", sure=False)

    def _reads_the_end_of(self, name: str) -> bool:
        """Whether the text says how the name lost its model."""
        ends = {*self.source.deletes, *(b.target for b in self.source.bindings)}
        return any(name == end or name.startswith((f"{end}[", f"{end}.")) for end in ends)

    def _params_left_alone(self, name: str, change: Change) -> Forecast:
        keys = {p.rsplit("__", 1)[-1] for p in change.params or {}}
        ways = [s.how for s in self.source.settings if s.attribute.rsplit("__", 1)[-1] in {*keys, ANY}]
        if not ways:
            return Forecast(name, None, "what it sets could not be read from its code", sure=False)
        if "call" in ways:
            return Forecast(name, None, "what it sets is the result of a call", sure=False)
        values = [f"{p} is {shown(after)}" for p, (_, after) in list((change.params or {}).items())[:2]]
        return Forecast(name, Verdict.UNTOUCHED, f"{' and '.join(values)} already")

    def _wrote_what_is_there(self, name: str) -> bool:
        token = self.now.names[name]
        mine = [a for t, a in self.seen.code.assigned if self._at(t) == token]
        ways = [s for s in self.source.settings if s.attribute in mine]
        return bool(ways) and all(s.how in ("constant", "name") for s in ways)

    def _say(self, name: str, verdict: Verdict | None, reason: str) -> None:
        self.said[name] = Forecast(name, verdict, reason, sure=verdict is not None)

    def _maker(self, binding: Binding, cls: str) -> str:
        call = binding.text
        if binding.kind in ("alias", "loop", "item") or not call or call == cls:
            return f"it makes a new {cls} each time"
        if binding.kind == "may keep":
            return f"{call}() made a new {cls}, and is taken to do so each time"
        return f"{call}() makes a new {cls} each time"


def _place(name: str, container: str) -> str | None:
    """``2`` of ``models[2]``."""
    inner = name[len(container) + 1 : -1]
    return inner if name == f"{container}[{inner}]" and inner.isdigit() else None


def _is_another_each_time(setting: Setting) -> bool:
    """Whether the value is another object each time, though an equal one: small integers and words are
    kept by Python, other constants are not."""
    if setting.how == "constant":
        value = setting.value
        kept = value is None or isinstance(value, bool) or (isinstance(value, int) and -5 <= value <= 256)
        return not (setting.scalar and (kept or (isinstance(value, str) and value.isidentifier())))
    return setting.how == "call"


def _once_more(signature: Signature) -> Signature:
    """The attribute after it was bound to a value that is not known yet."""
    digest = None if signature.digest is None else f"{signature.digest}+"
    version = None if signature.version is None else signature.version + 1
    return replace(signature, serial=signature.serial + 1, digest=digest, version=version)
