"""The observation that the probe would make of one more run."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from kernelscope.cellcode.effects import Setting, ValueSource
from kernelscope.domain.facts import FileAccess, MethodInCode, Observation, reads_the_same
from kernelscope.forecast.learning import learn
from kernelscope.forecast.simulation import CellSimulation
from kernelscope.forecast.stand_ins import rebind_signature

_SMALL_INTEGERS = range(-5, 257)
"""CPython keeps one object for each of these (Objects/longobject.c, ``get_small_int``)."""


def observe(simulation: CellSimulation) -> Observation:
    """Let the cell learn and write; returns what the probe would see of the whole run."""
    calls = learn(simulation)
    assigned = tuple(_edit(simulation))
    code = simulation.seen.code
    return replace(
        simulation.seen,
        names={},
        objects=tuple(f for token, f in simulation.objects.items() if f != simulation.now.objects.get(token)),
        calls=calls,
        locals=(),
        files=tuple(_files(simulation)),
        code=replace(code, methods=tuple(_retarget(simulation, m) for m in code.methods), assigned=assigned),
    )


def _retarget(simulation: CellSimulation, call: MethodInCode) -> MethodInCode:
    return call if call.token is None else replace(call, token=simulation.successor(call.token))


def _files(simulation: CellSimulation) -> Iterator[FileAccess]:
    for access in simulation.seen.files:
        if access.token is None:
            yield access
        elif simulation.is_there(token := simulation.successor(access.token)):
            yield replace(access, token=token)


# Learned attributes that the cell writes to.


def _edit(simulation: CellSimulation) -> Iterator[tuple[int, str]]:
    """Write to the attributes that would differ afterwards; yields them with the tokens of their owners."""
    for original, attribute in simulation.seen.code.assigned:
        token = simulation.successor(original)
        facts = simulation.facts_of(token)
        if facts is None or attribute not in facts.learned or simulation.is_simulated(token):
            yield token, attribute
        elif _would_differ(simulation, original, attribute):
            yield token, attribute
            learned = {**facts.learned, attribute: rebind_signature(facts.learned[attribute])}
            simulation.objects[token] = replace(facts, learned=learned)


def _would_differ(simulation: CellSimulation, original: int, attribute: str) -> bool:
    """Whether the attribute would differ after it is written: by what is written, or because it has another
    content by now than it got in the last run."""
    token = simulation.successor(original)
    by_attribute = (s for s in simulation.effects.settings if s.attribute == attribute)
    settings = [s for s in by_attribute if simulation.resolve(s.receiver) == token]
    if any(_differs_each_time(setting) for setting in settings):
        return True
    then, now = simulation.facts_then.get(original), simulation.now.objects.get(token)
    if not settings or then is None or now is None:
        return False
    a, b = then.learned.get(attribute), now.learned.get(attribute)
    return a is not None and b is not None and not reads_the_same(a, b)


def _differs_each_time(setting: Setting) -> bool:
    """Whether the value is another one each time, or another object that is equal."""
    if setting.source is ValueSource.ITSELF:
        return True
    if setting.some_item:
        return False
    if setting.source is ValueSource.CONSTANT:
        return not (setting.has_value and _is_kept_by_python(setting.value))
    return setting.source is ValueSource.CALL


def _is_kept_by_python(constant: object) -> bool:
    """Whether the constant is the same object each time its code is compiled."""
    if constant is None or isinstance(constant, bool):
        return True
    if isinstance(constant, int):
        return constant in _SMALL_INTEGERS
    return isinstance(constant, str) and constant.isidentifier()
