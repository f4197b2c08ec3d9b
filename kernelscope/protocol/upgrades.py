"""Upgrades what older recordings hold, JSON to JSON; each function is named after the version it leads to.

A recording may come from a stranger: what has another shape than that version wrote is left as it is, for
the decoder to refuse.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

_LATE = "an earlier look failed or did not reach everything, so this may have happened before"
_LEADS = {"observed": "Seen", "inferred": "Inferred", "unknown": "Known"}
_BETWEEN = ("Between runs, by no cell: ", "Between runs, or in one that could not be looked at: ")
_RUN = re.compile(r"In \[(\d{1,15})\] ")
_TENSOR_EFFECTS = {"backward": "gradients", "by-gradient": "gradient step", "in-place": "value"}
_SHUT_DOWN = "it was told to shut down"


def judgements_to_3(text: str) -> str:
    """Upgrades judgements from version 2, which stored evidence and explanations as English: the sentences are
    kept as ``OldSentence`` and ``OldWords``."""
    return _upgrade(text, _judgements)


def event_to_3(text: str) -> str:
    """Upgrades an event from version 2, in which only the detail of a death said that it was requested, and what
    a cell does to tensors was among the methods that it calls."""
    return _upgrade(text, _event)


def _changed(fields: Any, **changes: Callable[[Any], Any]) -> Any:
    """The same fields, those named here changed; anything but fields stays what it is."""
    if not isinstance(fields, dict):
        return fields
    return {name: changes[name](value) if name in changes else value for name, value in fields.items()}


def _upgrade(text: str, upgrade: Callable[[Any], Any]) -> str:
    try:
        return json.dumps(upgrade(json.loads(text)), separators=(",", ":"))
    except (ValueError, RecursionError):
        return text


def _event(event: Any) -> Any:
    if isinstance(event, dict) and event.get("type") == "kernel" and event.get("detail") == _SHUT_DOWN:
        return {**event, "requested": True}
    return _changed(event, observation=_look, history=_looks, base=_look)


def _looks(looks: Any) -> Any:
    return [_look(look) for look in looks] if isinstance(looks, list) else looks


def _look(look: Any) -> Any:
    return _changed(look, code=_code, objects=_objects)


def _objects(objects: Any) -> Any:
    return [_changed(each, learned=_signatures) for each in objects] if isinstance(objects, list) else objects


def _signatures(learned: Any) -> Any:
    if not isinstance(learned, dict):
        return learned
    return {name: _signature(signature) for name, signature in learned.items()}


def _signature(signature: Any) -> Any:
    """Version 2 had only the text to say what the value is."""
    text = signature.get("text") if isinstance(signature, dict) else None
    if text == "None":
        return {**signature, "is_none": True}
    if isinstance(text, str) and text.endswith(("tensor", "tensor (0,)")):
        return {**signature, "lacks_values": True}
    return signature


def _code(code: Any) -> Any:
    methods = code.get("methods") if isinstance(code, dict) else None
    if not isinstance(methods, list):
        return code
    on_tensors = [_tensor_effect(method) for method in methods]
    changed = {**code, "methods": [m for m, effect in zip(methods, on_tensors, strict=True) if not effect]}
    if "gradients" in on_tensors:
        changed["gradients"] = True
    if writes := [effect for effect in on_tensors if effect and effect != "gradients"]:
        changed["tensor_writes"] = list(dict.fromkeys(writes))
    return changed


def _tensor_effect(method: Any) -> str | None:
    """What the name stands for that version 2 gave to something that is no call on a model."""
    if not isinstance(method, dict) or method.get("token") is not None:
        return None
    return _TENSOR_EFFECTS.get(str(method.get("method")))


def _judgements(judgements: Any) -> Any:
    return [_judgement(each) for each in judgements] if isinstance(judgements, list) else judgements


def _judgement(judgement: Any) -> Any:
    if not isinstance(judgement, dict):
        return judgement
    changed = {("trained" if key == "taught" else key): value for key, value in judgement.items()}
    if isinstance(rows := judgement.get("rows"), list):
        changed["rows"] = [_row(row) for row in rows]
    if isinstance(local := judgement.get("local"), list):
        changed["local"] = [_change(change) for change in local]
    return changed


def _row(row: Any) -> Any:
    return {**row, "change": _change(row["change"])} if isinstance(row, dict) and row.get("change") else row


def _change(change: Any) -> Any:
    if not isinstance(change, dict):
        return change
    evidence, explanation = change.get("evidence"), change.pop("explanation", None)
    if not isinstance(evidence, list) or not isinstance(explanation, str):
        return change
    changed = {
        **change,
        "evidence": [{"type": "OldSentence", "text": one} for one in evidence if one != _LATE],
        "old_words": {"explanation": explanation, "gist": _gist(change, explanation, evidence)},
    }
    if _LATE in evidence:
        changed["late"] = {}
    if run := _RUN.match(explanation):
        changed["execution_count"] = int(run[1])
    if isinstance(parts := change.get("parts"), list):
        changed["parts"] = [_change(part) for part in parts]
    return changed


def _gist(change: dict[str, Any], explanation: str, evidence: list[Any]) -> str:
    """The explanation without the run and the evidence, as version 2 showed it."""
    lead = _LEADS.get(str(change.get("certainty")), "")
    gist = explanation
    if evidence and change.get("verdict") != "deleted":
        gist = gist.removesuffix(f" {lead}: {'; '.join(map(str, evidence))}.")
    for between in _BETWEEN:
        gist = gist.removeprefix(between)
    run = _RUN.match(gist)
    return gist[run.end() :] if run else gist
