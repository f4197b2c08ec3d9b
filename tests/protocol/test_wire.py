"""Tests the decoder of a kernel's messages, which treats them as hostile."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import to_builtins

from kernelscope.domain.facts import Observation, Opaque
from kernelscope.protocol import wire
from kernelscope.protocol.wire import (
    WIRE,
    AttachReply,
    DetachReply,
    Push,
    Refusal,
    WireError,
    decode_answer,
    decode_observation,
    decode_push,
)

HOSTILE = "\x1b]0;owned\x07\u202e\u2066\ud800\x9b31m\r\nx\u200b"


def an_observation(**differs: Any) -> dict[str, Any]:
    message: dict[str, Any] = {
        "seq": 3,
        "run": {
            "execution_count": 8,
            "code": "m.fit(X, y)",
            "code_hash": "ab",
            "status": "ok",
            "started": 1_780_000_000.5,
            "seconds": 0.1,
        },
        "names": {"m": 1, "gone": None},
        "objects": [
            {
                "token": 1,
                "generation": 1,
                "cls": "sklearn.LR",
                "library": "sklearn",
                "id": 4096,
                "params": {"C": 1.0, "w": {"text": "array", "digest": "aa", "serial": 2}, "n": None},
                "learned": {"coef_": {"text": "array", "serial": 1, "digest": "d"}},
                "parts": [{"label": "['clf']", "token": 2, "key": "clf"}],
                "not_evaluated": ["tree_"],
            }
        ],
        "calls": [{"token": 1, "cls": "LR", "method": "fit", "times": 1, "returned": 1}],
        "files": [{"action": "save", "call": "joblib.dump", "path": "/w/m"}],
        "code": {"methods": [{"method": "fit", "token": 1}], "assigned": [[1, "coef_"]], "complete": True},
        "sees_calls": True,
    }
    return {**message, **differs}


def a_reply(**differs: Any) -> dict[str, Any]:
    return {
        "wire": WIRE,
        "nonce": "n",
        "comm_id": "c",
        "version": "0.1.0",
        "seq": 0,
        "kernel": {"python": "3.12.1", "pid": 42, "execution_count": 7},
        "base": {"seq": 0, "names": {}, "objects": []},
        "history": [],
        **differs,
    }


def decode(**differs: Any) -> Observation:
    return decode_observation(json.dumps(an_observation(**differs)))


def set_at(message: Any, path: str, value: object) -> Any:
    *steps, last = path.split("/")
    place = message
    for step in steps:
        place = place[int(step) if step.isdigit() else step]
    place[int(last) if last.isdigit() else last] = value
    return message


def texts(value: Any) -> list[str]:
    """Return every text in a value, including keys."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [t for k, v in value.items() for t in (*texts(k), *texts(v))]
    return [t for v in value for t in texts(v)] if isinstance(value, (list, tuple)) else []


def test_given_an_observation_when_decoded_then_every_field_has_its_type() -> None:
    look = decode()

    assert look.run is not None
    assert (look.seq, look.run.execution_count, look.names) == (3, 8, {"m": 1, "gone": None})
    (facts,) = look.objects
    assert facts.params == {"C": 1.0, "w": Opaque("array", "aa", 2), "n": None}
    assert facts.learned["coef_"].digest == "d"
    assert (facts.parts[0].label, facts.parts[0].key) == ("['clf']", "clf")
    assert look.code.assigned == ((1, "coef_"),)
    assert (look.calls[0].nested, look.cut, look.sees_calls) == (False, (), True)


def test_given_keys_that_a_later_probe_adds_when_decoded_then_they_are_ignored() -> None:
    assert decode(news={"a": 1}) == decode()


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("seq", "3", "$.seq"),
        ("seq", 3.5, "$.seq"),
        ("run/execution_count", None, "$.run.execution_count"),
        ("run/status", "fine", "$.run.status"),
        ("run/code", 7, "$.run.code"),
        ("names", [1], "$.names"),
        ("names/m", "one", "$.names[...]"),
        ("objects/0/token", None, "$.objects[0].token"),
        ("objects/0/params/C", [1], "$.objects[0].params[...]"),
        ("objects/0/learned/coef_", "array", "$.objects[0].learned[...]"),
        ("objects/0/parts/0/token", "2", "$.objects[0].parts[0].token"),
        ("calls/0/times", True, "$.calls[0].times"),
        ("files/0/action", "steal", "$.files[0].action"),
        ("code/assigned/0", [1], "$.code.assigned[0]"),
        ("sees_calls", 1, "$.sees_calls"),
    ],
)
def test_given_a_field_of_another_type_when_decoded_then_the_error_names_it(
    path: str, value: object, field: str
) -> None:
    message = set_at(an_observation(), path, value)

    with pytest.raises(WireError) as error:
        decode_observation(json.dumps(message))

    assert f"`{field}`" in str(error.value)


@pytest.mark.parametrize("missing", ["seq"])
def test_given_a_field_that_is_missing_when_decoded_then_the_error_names_it(missing: str) -> None:
    message = an_observation()
    del message[missing]

    with pytest.raises(WireError, match=f"`{missing}`"):
        decode_observation(json.dumps(message))


@pytest.mark.parametrize("text", ["", "{", "nul", '"x" 1', "[" * 100_000, '{"seq":' + "9" * 5_000 + "}"])
def test_given_no_json_when_decoded_then_a_wire_error(text: str) -> None:
    with pytest.raises(WireError):
        decode_observation(text)


@pytest.mark.parametrize("text", ["null", "3", "[]", '"x"', "true"])
def test_given_json_that_is_not_an_object_when_decoded_then_a_wire_error(text: str) -> None:
    for decode in (
        decode_observation,
        partial(decode_answer, wanted=AttachReply),
        partial(decode_answer, wanted=DetachReply),
    ):
        with pytest.raises(WireError):
            decode(text)


def test_given_an_impossibly_long_text_when_decoded_then_it_is_refused_unread() -> None:
    with pytest.raises(WireError, match="larger than the limit"):
        decode_observation(" " * (wire._MAX_CHARACTERS + 1))


PLACES = [
    "run/code", "run/client", "run/cell_id", "objects/0/cls", "objects/0/library", "objects/0/params/C",
    "objects/0/params/w/text", "objects/0/learned/coef_/text", "objects/0/parts/0/label",
    "objects/0/not_evaluated/0", "calls/0/cls", "calls/0/method", "files/0/call", "files/0/path",
    "code/methods/0/method", "code/assigned/0/1",
]  # fmt: skip


@pytest.mark.parametrize("path", PLACES)
def test_given_hostile_text_anywhere_when_decoded_then_it_is_escaped(path: str) -> None:
    look = decode_observation(json.dumps(set_at(an_observation(), path, HOSTILE)))

    hostile_texts = [t for t in texts(to_builtins(look)) if "owned" in t]
    assert len(hostile_texts) == 1
    assert hostile_texts[0].replace("\n", "").isprintable()
    assert ("\n" in hostile_texts[0]) is (path == "run/code")
    assert hostile_texts[0].startswith("\\x1b]0;owned\\x07\\u202e\\u2066\\ud800\\x9b31m")


@pytest.mark.parametrize("place", ["names", "objects/0/params", "objects/0/learned"])
def test_given_a_hostile_key_when_decoded_then_it_is_escaped(place: str) -> None:
    message = an_observation()
    values: dict[str, object] = {"names": 1, "objects/0/params": 2.0}
    set_at(message, f"{place}/{HOSTILE}", values.get(place, {"text": "t", "serial": 1}))

    hostile_texts = [t for t in texts(to_builtins(decode_observation(json.dumps(message)))) if "owned" in t]

    assert len(hostile_texts) == 1
    assert hostile_texts[0].isprintable()


def test_given_a_hyper_parameter_called_code_when_decoded_then_it_is_one_line_like_all_others() -> None:
    look = decode_observation(json.dumps(set_at(an_observation(), "objects/0/params/code", "a\nb\tc")))

    assert look.objects[0].params["code"] == "a\\x0ab\\x09c"


def test_given_source_when_decoded_then_its_lines_and_tabs_stay() -> None:
    look = decode_observation(json.dumps(set_at(an_observation(), "run/code", "if x:\r\n\ty = 'é'\x0c")))

    assert look.run is not None
    assert look.run.code == "if x:\n\ty = 'é'\\x0c"


def test_given_long_names_with_a_common_prefix_when_decoded_then_they_stay_distinct() -> None:
    long = [f"models['{'x' * 300}{end}']" for end in "ab"]

    look = decode(names={long[0]: 1, long[1]: 2})

    assert look.names == {long[0]: 1, long[1]: 2}


def test_given_very_long_text_when_decoded_then_it_is_cut() -> None:
    look = decode_observation(json.dumps(set_at(an_observation(), "objects/0/cls", "x" * 100_000)))

    assert len(look.objects[0].cls) == 4_096
    assert look.objects[0].cls.endswith("…")


def test_given_a_reply_when_decoded_then_its_history_is_typed() -> None:
    reply = decode_answer(json.dumps(a_reply(history=[an_observation()])), AttachReply)

    assert isinstance(reply, AttachReply)
    assert reply.history == (decode(),)
    assert reply.kernel.notebook is None


def test_given_a_reply_with_a_bad_history_when_decoded_then_the_error_names_the_field() -> None:
    bad = set_at(an_observation(), "run/seconds", "long")

    with pytest.raises(WireError, match=r"`\$\.history\[0\]\.run\.seconds`"):
        decode_answer(json.dumps(a_reply(history=[bad])), AttachReply)


def test_given_a_refusal_when_decoded_then_its_detail_is_safe_to_show() -> None:
    assert decode_answer(json.dumps({"error": "version", "detail": "\x1b[2J"}), AttachReply) == Refusal(
        "version", "\\x1b[2J"
    )


@pytest.mark.parametrize("there", [True, False])
def test_given_the_answer_to_a_detach_when_decoded_then_whether_there_was_a_probe(there: bool) -> None:
    assert decode_answer(json.dumps({"detached": there}), DetachReply) == DetachReply(there)


@pytest.mark.parametrize("data", [None, 3, "x", [], {}, {"other": 1}, {"kernelscope": None}])
def test_given_a_comm_message_from_another_sender_when_decoded_then_none(data: object) -> None:
    assert decode_push(data) is None


def test_given_a_push_when_decoded_then_the_observation_is_still_text() -> None:
    push = decode_push({"kernelscope": {"nonce": "n", "kind": "observation", "observation": '{"seq": 1}'}})

    assert push == Push("n", "observation", '{"seq": 1}')


@pytest.mark.parametrize("data", [{"kernelscope": 3}, {"kernelscope": {"nonce": 1, "kind": "x"}}])
def test_given_a_push_of_another_form_when_decoded_then_a_wire_error(data: object) -> None:
    with pytest.raises(WireError):
        decode_push(data)


def test_given_a_push_with_hostile_text_when_decoded_then_its_reason_is_safe_to_show() -> None:
    push = decode_push({"kernelscope": {"nonce": "n", "kind": "gone", "reason": HOSTILE}})

    assert push is not None
    assert push.reason.isprintable()
    assert push.reason.startswith("\\x1b]0;owned")


def test_given_a_push_with_a_huge_observation_when_decoded_then_refused_before_it_is_read() -> None:
    push = decode_push(
        {"kernelscope": {"nonce": "n", "kind": "observation", "observation": "[" * 70_000_000}}
    )

    assert push is not None
    with pytest.raises(WireError, match="larger than the limit"):
        decode_observation(push.observation)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.sampled_from([*PLACES, "run", "names", "objects", "code", "objects/0/params"]), anything)
def test_given_anything_anywhere_when_decoded_then_safe_types_or_a_wire_error(
    path: str, value: object
) -> None:
    try:
        look = decode_observation(json.dumps(set_at(an_observation(), path, value)))
    except WireError:
        pass
    else:
        for text in texts(to_builtins(look)):
            assert all(c in "\n\t" or c.isprintable() or c.isspace() for c in text)
            text.encode()
