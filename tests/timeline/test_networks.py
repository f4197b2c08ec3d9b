"""Tests networks: whether they are trained follows from their history, not from their weights."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from kernelscope.domain.changes import Change
from kernelscope.domain.evidence import SeenAtAttach
from kernelscope.domain.facts import Call, CodeFacts, MethodInCode, ObjectFacts, Opaque, Part, Signature
from tests.support.facts import OBSCURE, Watch, explanation_of, load_access, save_access

LINEAR = "torch.nn.modules.linear.Linear"
ADAM = "torch.optim.adam.Adam"
NOTHING = CodeFacts(complete=True)

both = pytest.mark.parametrize(("seen", "certainty"), [(True, "observed"), (False, "inferred")])


def network(token: int, weight: str = "w0", version: int = 1, **more: Signature) -> ObjectFacts:
    """Build a network with one weight whose content is ``weight``."""
    learned = {"weight": Signature("float32 tensor (1, 3)", 0, weight, version=version), **more}
    return ObjectFacts(token, token, LINEAR, "torch", 0x7F00_0000 + 0x10 * token, learned=learned)


def train(net: ObjectFacts, weight: str, steps: int = 1) -> ObjectFacts:
    """Train the network for so many steps."""
    before = net.learned["weight"]
    version = (before.version or 0) + steps
    return replace(net, learned={**net.learned, "weight": replace(before, digest=weight, version=version)})


def optimizer(token: int, *networks: ObjectFacts, steps: int = 0) -> ObjectFacts:
    """Build an optimizer of these networks that has taken so many steps."""
    learned = (
        {"state[0].step": Signature("float32 tensor ()", 0, f"s{steps}", version=steps)} if steps else {}
    )
    return ObjectFacts(
        token,
        token,
        ADAM,
        "torch.optim",
        0x7F00_0000 + 0x10 * token,
        params={"lr": 0.1},
        learned=learned,
        partners=tuple(n.token for n in networks),
    )


def call_facts(
    method: str, on: ObjectFacts | None, *, seen: bool = False, sure: bool = False
) -> dict[str, Any]:
    """Arguments for ``Watch.run``: the run calls the method."""
    token = on.token if on is not None else None
    if seen and on is not None:
        call = Call(on.token, on.cls, method, 1, 1)
        return {"calls": [call], "code": NOTHING, "sees_calls": True}
    code = CodeFacts(methods=(MethodInCode(method, token, sure=sure),), complete=True)
    return {"code": code, "sees_calls": False}


def axes(change: Change) -> tuple[str, str, str | None, str]:
    return change.verdict, change.identity, change.learned, change.certainty


def watch_trained_network() -> tuple[Watch, ObjectFacts, ObjectFacts]:
    """Build a watch of a network and its optimizer, after a first training."""
    net = network(1)
    opt = optimizer(2, net)
    watch = Watch(net=net, opt=opt)
    net, opt = train(net, "w1"), optimizer(2, net, steps=1)
    watch.run(net, opt, **call_facts("step", opt))
    return watch, net, opt


def test_given_no_name_when_a_network_is_created_then_its_random_weights_do_not_count_as_learned() -> None:
    change = Watch().run(names={"net": network(1)}, code=NOTHING)["net"]

    assert axes(change) == ("created", "new", "none", "observed")
    assert change.fitted is False


@both
def test_given_a_new_network_when_its_optimizer_steps_then_fitted_and_after_that_continued(
    seen: bool, certainty: str
) -> None:
    net = network(1)
    opt = optimizer(2, net)
    watch = Watch()
    watch.run(names={"net": net, "opt": opt}, code=NOTHING)

    first = watch.run(train(net, "w1"), optimizer(2, net, steps=1), **call_facts("step", opt, seen=seen))
    second = watch.run(train(net, "w2", 2), optimizer(2, net, steps=2), **call_facts("step", opt, seen=seen))

    assert axes(first["net"]) == ("fitted", "same", "fitted", certainty)
    assert first["net"].fitted is True
    assert axes(first["opt"]) == ("fitted", "same", "fitted", certainty)
    assert axes(second["net"]) == ("continued", "same", "continued", certainty)
    assert axes(second["opt"]) == ("continued", "same", "continued", certainty)


def test_given_a_trained_network_when_another_optimizer_steps_then_it_is_untouched() -> None:
    watch, _, _ = watch_trained_network()
    other = network(3)
    adam = optimizer(4, other)
    watch.run(names={"other": other, "adam": adam}, code=NOTHING)

    changes = watch.run(train(other, "v1"), optimizer(4, other, steps=1), **call_facts("step", adam))

    assert set(changes) == {"other", "adam"}


def test_given_a_trained_network_when_it_is_replaced_then_its_optimizer_is_a_stale_partner() -> None:
    watch, _, _ = watch_trained_network()

    change = watch.run(names={"net": network(5)}, code=NOTHING)["net"]

    assert axes(change) == ("reset", "recreated", "none", "observed")
    assert change.stale == ("opt",)
    assert "opt still holds #1" in explanation_of(change)


@both
def test_given_a_trained_network_when_a_state_is_loaded_then_restored_with_its_file(
    seen: bool, certainty: str
) -> None:
    watch, net, _ = watch_trained_network()

    changes = watch.run(
        train(net, "w0"),
        files=[load_access(net, path="/w/net.pt")],
        **call_facts("load_state_dict", net, seen=seen),
    )

    assert axes(changes["net"]) == ("restored", "same", "carried", certainty)
    assert changes["net"].persistence is not None
    assert changes["net"].persistence.file == "/w/net.pt"


def test_given_an_equal_state_when_it_is_loaded_then_the_count_of_writes_shows_it() -> None:
    watch, net, _ = watch_trained_network()
    same = train(net, "w1")

    changes = watch.run(same, files=[load_access(net)], **call_facts("load_state_dict", net))

    assert axes(changes["net"]) == ("restored", "same", "carried", "inferred")


def test_given_a_trained_network_when_its_weights_are_reset_then_cleared_and_next_fitted() -> None:
    watch, net, opt = watch_trained_network()
    redrawn = train(net, "r1")

    cleared = watch.run(redrawn, **call_facts("reset_parameters", net, sure=True))["net"]
    again = watch.run(train(redrawn, "w9"), **call_facts("step", opt))["net"]

    assert axes(cleared) == ("cleared", "same", "cleared", "inferred")
    assert cleared.fitted is False
    assert axes(again) == ("fitted", "same", "fitted", "inferred")


def test_given_a_trained_network_when_reset_and_trained_in_one_run_then_refitted() -> None:
    watch, net, opt = watch_trained_network()
    code = CodeFacts(
        methods=(MethodInCode("reset_parameters", net.token, sure=True), MethodInCode("step", opt.token)),
        complete=True,
    )

    change = watch.run(train(net, "r1", 3), code=code, sees_calls=False)["net"]

    assert axes(change) == ("refitted", "same", "refitted", "inferred")


def test_given_steps_and_a_load_that_may_be_skipped_then_unknown() -> None:
    watch, net, opt = watch_trained_network()
    code = CodeFacts(
        methods=(MethodInCode("load_state_dict", net.token), MethodInCode("step", opt.token)), complete=True
    )

    change = watch.run(train(net, "x", 3), code=code, sees_calls=False)["net"]

    assert axes(change) == ("unknown", "same", "unknown", "unknown")


def test_given_only_different_batch_statistics_then_continued_without_a_step() -> None:
    stats = Signature("float32 tensor (4,)", 0, "m0", version=0)
    net = network(1, running_mean=stats)
    opt = optimizer(2, net)
    watch = Watch(net=net, opt=opt)
    net = train(net, "w1")
    watch.run(net, **call_facts("step", opt))
    passed = replace(net, learned={**net.learned, "running_mean": replace(stats, digest="m1")})

    change = watch.run(passed, code=NOTHING, sees_calls=False)["net"]

    assert change.verdict == "continued"
    assert "batch statistics" in explanation_of(change)


def test_given_equal_batch_statistics_in_other_tensors_when_nothing_else_differs_then_untouched() -> None:
    stats = Signature("float32 tensor (4,)", 0, "m0", version=0)
    net = network(1, running_mean=stats)
    converted = replace(net, learned={**net.learned, "running_mean": replace(stats, serial=2)})

    assert Watch(net=net).run(converted, code=NOTHING, sees_calls=False) == {}


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        (CodeFacts(assigned=((1, "weight"),), complete=True), "edited"),
        (CodeFacts(tensor_writes=("value",), complete=False), "edited"),
        (CodeFacts(tensor_writes=("value",), gradients=True, complete=False), "continued"),
        (CodeFacts(tensor_writes=("gradient step",), complete=False), "continued"),
        (CodeFacts(complete=False), "unknown"),
    ],
)
def test_given_weights_that_no_known_call_changed_then_the_code_decides(
    code: CodeFacts, verdict: str
) -> None:
    watch, net, _ = watch_trained_network()

    change = watch.run(train(net, "h"), code=code, sees_calls=False)["net"]

    assert change.verdict == verdict


def test_given_a_cast_when_only_the_element_type_differs_then_nothing_is_reported() -> None:
    watch, net, _ = watch_trained_network()
    weight = replace(net.learned["weight"], text="float64 tensor (1, 3)", digest="d", version=9)

    changes = watch.run(replace(net, learned={"weight": weight}), **call_facts("double", net))

    assert changes == {}


def test_given_a_deep_copy_then_it_carries_what_its_model_learned() -> None:
    watch, net, _ = watch_trained_network()
    copies = CodeFacts(copies=("copy.deepcopy",), complete=True)
    best = replace(net, token=7, generation=7)
    fresh, blank = network(8, "b"), network(9, "b")
    watch.run(names={"fresh": fresh}, code=NOTHING)

    changes = watch.run(names={"best": best, "blank": blank}, code=copies, sees_calls=False)

    assert axes(changes["best"]) == ("copied", "new", "carried", "inferred")
    assert (changes["blank"].learned, changes["blank"].fitted) == ("none", False)


def test_given_a_network_around_a_trained_one_then_it_carries_the_trained_state() -> None:
    watch, net, _ = watch_trained_network()
    wrapper = replace(network(6), learned=net.learned, parts=(Part("._orig_mod", net.token),))

    change = watch.run(names={"net": wrapper}, code=NOTHING)["net"]

    assert axes(change)[:3] == ("copied", "recreated", "carried")


@pytest.mark.parametrize(
    ("net", "known"),
    [
        (network(1), None),
        (network(1, version=50), True),
        (replace(network(1), signs=("gradients",)), None),
    ],
)
def test_given_a_late_attach_then_a_first_training_that_is_seen_goes_on_from_what_may_have_been(
    net: ObjectFacts, known: bool | None
) -> None:
    opt = optimizer(2, net)
    watch = Watch(net=net, opt=opt)

    change = watch.run(train(net, "w1"), **call_facts("step", opt))["net"]

    assert (change.verdict, change.certainty) == ("continued", "inferred")
    assert SeenAtAttach(known) in change.evidence
    assert "it was there at the attach" in explanation_of(change)


def test_given_a_scheduler_then_it_has_no_row_and_is_stale_when_its_optimizer_is_replaced() -> None:
    watch, net, opt = watch_trained_network()
    scheduler = ObjectFacts(
        9,
        None,
        "torch.optim.lr_scheduler.StepLR",
        "torch.lr_scheduler",
        1,
        partners=(opt.token,),
        helper=True,
    )

    changes = watch.run(names={"sched": scheduler}, code=NOTHING)
    change = watch.run(names={"opt": optimizer(10, net)}, code=NOTHING)["opt"]

    assert changes == {}
    assert (change.verdict, change.stale) == ("reset", ("sched",))
    assert "sched" not in [row.name for row in watch.timeline.rows()]


def test_given_a_file_when_it_is_loaded_again_then_both_generations_are_named() -> None:
    watch, net, _ = watch_trained_network()
    watch.run(net, files=[save_access(net, path="/w/net.pt")], code=NOTHING)
    watch.run(names={"net": network(5)}, code=NOTHING)
    back = network(6, "w1")

    change = watch.run(names={"net": back}, files=[load_access(back, "net", "/w/net.pt")], code=NOTHING)[
        "net"
    ]

    assert change.verdict == "restored"
    assert "The file holds #1, as saved in In [2]; memory held #5." in explanation_of(change)


def network_with(token: int, **weights: str) -> ObjectFacts:
    """Build a network of several weights, each with its content."""
    learned = {n: Signature("float32 tensor (3,)", 0, w, version=1) for n, w in weights.items()}
    return replace(network(token), learned=learned)


@pytest.mark.parametrize(("also", "verdict"), [("b0", "edited"), ("b1", "cleared")])
@pytest.mark.parametrize("method", ["reset_parameters", "set_weights"])
def test_given_an_unknown_reset_then_how_much_of_the_network_differs_decides(
    method: str, also: str, verdict: str
) -> None:
    library = "keras" if method == "set_weights" else "torch"
    net = replace(network_with(1, a="a0", b="b0", c="c0"), library=library, signs=("trained before",))
    watch = Watch(net=net)

    change = watch.run(
        replace(net, learned=network_with(1, a="a1", b=also, c="c0").learned), **call_facts(method, None)
    )["net"]

    assert change.verdict == (verdict if library == "torch" or verdict == "edited" else "restored")


def calls_in_order(*methods: tuple[str, int], **more: Any) -> dict[str, Any]:
    """Arguments for ``Watch.run``: the run calls these methods, certainly the loads."""
    changes = tuple(MethodInCode(m, t, sure=m == "load_state_dict") for m, t in methods)
    return {"code": CodeFacts(methods=changes, complete=True), "sees_calls": False, **more}


def test_given_a_training_that_restores_its_best_weights_then_it_is_trained() -> None:
    net, opt = network(1), optimizer(2, network(1))
    watch = Watch()
    watch.run(names={"net": net, "opt": opt})
    run = calls_in_order(("step", 2), ("load_state_dict", 1))

    first = watch.run(train(net, "w1", 4), **run)["net"]
    path = "/w/best.pt"
    calls = calls_in_order(
        ("step", 2),
        ("load_state_dict", 1),
        files=[save_access(net, path=path), load_access(net, "net", path)],
    )
    second = watch.run(train(net, "w2", 8), **calls)["net"]

    assert first.verdict == "fitted"
    assert second.verdict == "continued"


def test_given_a_state_loaded_before_the_training_then_restored_and_not_continued() -> None:
    watch, net, opt = watch_trained_network()
    run = calls_in_order(("load_state_dict", net.token), ("step", opt.token))

    assert watch.run(train(net, "w7", 4), **run)["net"].verdict == "restored"


@pytest.mark.parametrize(
    "learned",
    [
        {},
        {"weight": Signature("tensor", 0, None, version=0, lacks_values=True)},
        {"weight": Signature("float32 tensor (0,)", 0, "e", version=0, lacks_values=True)},
    ],
)
def test_given_a_network_that_is_built_by_its_first_use_then_nothing_was_learned(
    learned: dict[str, Signature],
) -> None:
    bare = replace(network(1), library="keras", learned=learned)
    watch = Watch(net=bare)
    built = replace(bare, learned=network(1).learned)

    changes = watch.run(built, code=NOTHING, sees_calls=False)
    first = watch.run(train(built, "w1"), **call_facts("fit", built))["net"]

    assert changes == {}
    assert first.verdict == "fitted"


@pytest.mark.parametrize(
    ("version", "complete", "learned"), [(50, False, "fitted"), (50, True, "none"), (2, False, "none")]
)
def test_given_a_new_network_and_code_not_followed_then_its_count_of_writes_decides(
    version: int, complete: bool, learned: str
) -> None:
    change = Watch().run(names={"net": network(1, version=version)}, code=CodeFacts(complete=complete))["net"]

    assert change.learned == learned


def test_sentences_about_a_network_and_its_optimizer_use_their_own_words() -> None:
    watch, net, opt = watch_trained_network()
    on = watch.run(train(net, "w2"), optimizer(2, net, steps=2), **call_facts("step", opt))
    replaced = watch.run(names={"net": network(5)}, code=NOTHING)["net"]
    again = watch.run(names={"net": network(6)}, code=NOTHING)["net"]

    assert "net was trained further: the same network" in explanation_of(on["net"])
    assert "opt took further steps: the same optimizer" in explanation_of(on["opt"])
    assert "opt still holds #1: its steps do not reach the new one" in explanation_of(replaced)
    assert "#5 had learned nothing" in explanation_of(again)


def test_given_a_network_that_holds_a_copy_of_a_trained_one_then_it_is_a_copy_too() -> None:
    watch, net, _ = watch_trained_network()
    inner = replace(net, token=7, generation=None)
    average = replace(network_with(8, a="a", b="b"), parts=(Part(".module", 7),))

    changes = watch.run(inner, names={"average": average}, code=OBSCURE)["average"]

    assert axes(changes) == ("copied", "new", "carried", "inferred")


def test_given_a_new_network_that_restored_its_own_best_weights_then_it_carries_nothing_over() -> None:
    watch, _, _ = watch_trained_network()
    net, opt = network(5, "w5", 9), optimizer(6, network(5), steps=4)
    run = calls_in_order(("step", 6), ("load_state_dict", 5), names={"net": net, "opt": opt})
    code = replace(run["code"], copies=("copy.deepcopy",))

    change = watch.run(**{**run, "code": code})["net"]

    assert axes(change)[:3] == ("reset", "recreated", "fitted")


def test_given_an_untrained_network_that_is_restored_after_a_trial_then_nothing_was_learned() -> None:
    net = network(1)
    watch = Watch()
    watch.run(names={"net": net, "opt": optimizer(2, net)})

    changes = watch.run(train(net, "w0", 5), **calls_in_order(("step", 2), ("load_state_dict", 1)))

    assert changes == {}


def test_given_a_write_by_hand_beside_another_networks_training_then_edited() -> None:
    watch, net, _ = watch_trained_network()
    methods, assigned = (MethodInCode("step", 99),), ((net.token, "weight"),)
    code = CodeFacts(methods=methods, gradients=True, assigned=assigned, complete=True)

    assert watch.run(train(net, "h"), code=code, sees_calls=False)["net"].verdict == "edited"


def test_given_only_a_forward_pass_then_no_sentence_says_that_the_network_was_trained() -> None:
    net = network(1, running_mean=Signature("float32 tensor (3,)", 0, "m0", version=1))
    watch = Watch()
    watch.run(names={"net": net})
    learned = {**net.learned, "running_mean": replace(net.learned["running_mean"], digest="m1", version=2)}

    change = watch.run(replace(net, learned=learned), code=OBSCURE)["net"]

    assert change.verdict == "fitted"
    assert "its batch statistics moved, its weights did not" in explanation_of(change)
    assert "was trained" not in explanation_of(change)


def test_given_a_part_when_it_is_replaced_then_the_sentence_is_about_that_part() -> None:
    def wrap(token: int, layer: ObjectFacts) -> ObjectFacts:
        return replace(network(token), parts=(Part(".head", layer.token),))

    head, other = replace(network(2), generation=None), replace(network(3), generation=None)
    watch = Watch()
    watch.run(head, names={"net": wrap(1, head)}, code=NOTHING)

    change = watch.run(other, names={"net": wrap(4, other)}, code=NOTHING)["net"]

    assert [p.name for p in change.parts] == ["net.head"]
    assert "a new Linear (a part), not trained yet; the one before had learned nothing" in (
        explanation_of(change.parts[0])
    )


def test_long_fractions_in_a_tuple_are_rounded_like_single_ones() -> None:
    net = network(1)
    opt = optimizer(2, net)
    one, other = Opaque("(0.9453787709835478, 0.98)", "a"), Opaque("(0.95, 0.98)", "b")
    watch = Watch(net=net, opt=replace(opt, params={"betas": one}))

    change = watch.run(replace(opt, params={"betas": other}), code=NOTHING)["opt"]

    assert "Settings: betas (0.945379, 0.98) → (0.95, 0.98)." in explanation_of(change)


def test_given_a_checkpoint_of_two_models_then_each_sentence_says_what_the_file_has_of_its_model() -> None:
    watch, net, opt = watch_trained_network()
    watch.run(
        net, opt, files=[save_access(net, path="/w/c.pt"), save_access(opt, path="/w/c.pt")], code=NOTHING
    )
    watch.run(train(net, "w2"), optimizer(2, net, steps=5), **call_facts("step", opt))
    code = CodeFacts(
        methods=(
            MethodInCode("load_state_dict", net.token, sure=True),
            MethodInCode("load_state_dict", opt.token, sure=True),
        ),
        complete=True,
    )
    files = [load_access(net, path="/w/c.pt"), load_access(opt, path="/w/c.pt")]

    changes = watch.run(
        train(net, "w1", 9), optimizer(2, net, steps=1), files=files, code=code, sees_calls=False
    )

    assert "The file holds #1, as saved in In [2]" in explanation_of(changes["net"])
    assert "The file holds #2, as saved in In [2]" in explanation_of(changes["opt"])


def test_of_two_networks_in_one_file_it_is_not_said_which_one_it_holds() -> None:
    one, two = network(1, "w1"), network(2, "w2")
    watch = Watch(one=one, two=two)
    saves = [save_access(one, path="/w/both.pt"), save_access(two, path="/w/both.pt")]
    watch.run(files=saves, code=NOTHING)
    again = network(3, "w2")

    change = watch.run(
        names={"again": again}, files=[load_access(again, "again", "/w/both.pt")], code=NOTHING
    )["again"]

    assert change.verdict == "restored"
    assert "The file holds" not in explanation_of(change)


def seen_call(method: str, on: ObjectFacts, **more: Any) -> Call:
    """Build a call that returned."""
    return Call(on.token, on.cls, method, 1, 1, **more)


def test_given_a_new_network_when_its_own_best_checkpoint_is_put_in_then_it_was_trained() -> None:
    """Its constructor was seen drawing the weights: the training began after that."""
    watch, _, _ = watch_trained_network()
    net = network(3, "best", version=9)
    opt = optimizer(4, net, steps=3)
    calls = [seen_call("reset_parameters", net), seen_call("step", opt), seen_call("load_state_dict", net)]

    change = watch.run(names={"net": net, "opt": opt}, calls=calls, code=NOTHING)["net"]

    assert axes(change) == ("reset", "recreated", "fitted", "observed")


@pytest.mark.parametrize("seen", [True, False])
def test_given_its_live_state_when_it_is_put_in_again_then_nothing_happened(seen: bool) -> None:
    watch, net, _ = watch_trained_network()
    own = MethodInCode("load_state_dict", net.token, sure=True, state_of=net.token)
    calls = [seen_call("load_state_dict", net)] if seen else []

    changes = watch.run(net, calls=calls, code=CodeFacts(methods=(own,), complete=True), sees_calls=seen)

    assert changes == {}


def test_given_another_state_beside_the_live_one_when_a_load_was_seen_then_it_is_not_denied() -> None:
    watch, net, _ = watch_trained_network()
    methods = (
        MethodInCode("load_state_dict", net.token, sure=True, state_of=net.token),
        MethodInCode("load_state_dict"),
    )
    calls = [replace(seen_call("load_state_dict", net), times=2, returned=2)]

    changes = watch.run(train(net, "w7"), calls=calls, code=CodeFacts(methods=methods), sees_calls=True)

    assert changes["net"].learned == "carried"


def test_given_a_copy_of_what_was_made_in_the_run_then_it_is_not_known_whether_it_had_learned() -> None:
    watch, _, _ = watch_trained_network()
    made, kept = network(3, "trained"), network(4, "as it was made")
    calls = [seen_call("__setstate__", kept, via="copy"), seen_call("fit", made)]
    code = CodeFacts(copies=("copy.deepcopy",), complete=True)

    changes = watch.run(names={"made": made, "kept": kept}, calls=calls, code=code)

    assert (changes["kept"].verdict, changes["kept"].learned) == ("created", "unknown")
    assert changes["kept"].fitted is None


def test_given_a_copy_of_a_known_network_then_it_is_copied() -> None:
    watch, net, _ = watch_trained_network()
    kept = network(4, "w1")
    calls = [seen_call("__setstate__", kept, via="copy")]
    code = CodeFacts(copies=("copy.deepcopy",), complete=True)

    change = watch.run(names={"kept": kept}, calls=calls, code=code)["kept"]

    assert (change.verdict, change.learned) == ("copied", "carried")
    assert net.learned["weight"].digest == "w1"
