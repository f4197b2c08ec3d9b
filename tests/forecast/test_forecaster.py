"""Tests the forecasts of re-running a cell: one test per class of case, with facts made by hand.

``tests/test_forecasts.py`` holds the same against real kernels.
"""

from __future__ import annotations

import pytest

from kernelscope.domain.changes import Run, Verdict
from kernelscope.domain.facts import Call, CodeFacts, ObjectFacts
from kernelscope.forecast.forecaster import Forecaster
from kernelscope.forecast.outlook import Forecast, Outlook
from kernelscope.forecast.reasons import (
    ActsOnEarlierObject,
    Conditional,
    ConditionalCall,
    ContinuesLearning,
    Doubt,
    EndedEarly,
    FileChanged,
    KernelRestarted,
    LoadsFile,
    MakesNewObject,
    NeedsName,
    ParameterChange,
    ParametersAlready,
    PartlySeen,
    PerhapsStored,
    Reason,
    SetsParameters,
    StartsOver,
    Unreadable,
)
from tests.support.facts import (
    FOLLOWED,
    LOGISTIC,
    OBSCURE,
    Watch,
    call_evidence,
    call_of,
    forget,
    load_access,
    model,
    params,
    pipeline,
    rebind,
    save_access,
    twin,
    write_in_place,
)
from tests.timeline.test_networks import network, optimizer, train


def outlook(watch: Watch, run: Run | None = None) -> Outlook:
    """Forecast a re-run of this run, by default of the latest."""
    latest = watch.timeline.cells()[-1].runs[-1]
    return Forecaster(watch.timeline).of(run or latest)


def verdicts(of: Outlook) -> dict[str, str | None]:
    return {f.name: f.verdict for f in of.forecasts}


def only(of: Outlook) -> Forecast:
    (forecast,) = of.forecasts
    return forecast


SEEN_OR_NOT = pytest.mark.parametrize("seen", [True, False], ids=["calls seen", "calls not seen"])


# What a cell creates.


NEW = MakesNewObject(LOGISTIC)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("m = LogisticRegression()", NEW),
        ("m = LogisticRegression().fit(X, y)", NEW),
        ("def train():\n    return LogisticRegression()\nm = train()", MakesNewObject(LOGISTIC, "train")),
        ("%%time\nm = LogisticRegression()", NEW),
        ("made = [LogisticRegression()]\nfor m in made:\n    m.fit(X, y)", NEW),
        ("made = [LogisticRegression()]\nm = made[best]", NEW),
        ("for c in (1, 2):\n    m = LogisticRegression(C=c)", NEW),
    ],
)
def test_given_a_cell_that_creates_a_model_when_run_again_then_it_would_reset_it(
    source: str, reason: Reason
) -> None:
    watch = Watch()
    watch.run(names={"m": rebind(model(1))}, source=source, calls=[call_of(model(1))])

    assert only(outlook(watch)) == Forecast("m", Verdict.RESET, reason, sure=True)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("if retrain:\n    m = LogisticRegression()", Conditional("making")),
        ("m = kept or LogisticRegression()", Conditional("making")),
        ("@cache\ndef get():\n    return LogisticRegression()\nm = get()", PerhapsStored("get")),
        ("from lib import get\nm = get()", PerhapsStored("get")),
        ("m = models.setdefault('a', LogisticRegression())", Conditional("making")),
        ("%run train.py", Unreadable("maker")),
        ("for m in models:\n    pass", Unreadable("origin")),
        ("m = models[best]", Unreadable("origin")),
        ("assert 'm' not in globals()\nm = LogisticRegression()", Conditional("making")),
    ],
)
def test_given_a_conditional_creation_when_run_again_then_nothing_is_forecast(
    source: str, reason: Reason
) -> None:
    watch = Watch()
    watch.run(names={"m": model(1)}, source=source)

    assert only(outlook(watch)) == Forecast("m", None, reason, sure=False)


@pytest.mark.parametrize(
    "source",
    [
        "if 'm' not in globals():\n    m = LogisticRegression()",
        "if not 'm' in locals():\n    m = LogisticRegression()",
        "try:\n    m\nexcept NameError:\n    m = LogisticRegression()",
    ],
)
def test_given_a_guard_against_a_second_model_when_run_again_then_untouched(source: str) -> None:
    watch = Watch()
    guarded = watch.cell(names={"m": model(1)}, source=source)

    assert verdicts(outlook(watch)) == {"m": "untouched"}

    watch.run(names={"m": None}, source="m = None")
    assert verdicts(outlook(watch, guarded)) == {"m": "created"}


def test_given_a_created_model_that_is_gone_now_when_run_again_then_it_would_create_it() -> None:
    watch = Watch()
    originals = watch.cell(names={"m": model(1)}, source="m = LogisticRegression()")
    watch.run(names={"m": None}, source="m = None")

    assert verdicts(outlook(watch, originals)) == {"m": "created"}


def test_given_a_list_that_is_appended_to_when_run_again_then_another_item_would_be_created() -> None:
    watch = Watch()
    watch.run(names={"models[0]": model(1)}, source="models = [LogisticRegression()]")
    watch.run(names={"models[1]": model(2)}, source="models.append(LogisticRegression())")

    assert verdicts(outlook(watch)) == {"models[1]": "untouched", "models[2]": "created"}


# What it fits.


@SEEN_OR_NOT
@pytest.mark.parametrize(
    ("method", "warm", "verdict", "reason"),
    [
        ("fit", False, Verdict.REFITTED, StartsOver("fit", no_warm_start=True)),
        ("fit", True, Verdict.CONTINUED, ContinuesLearning("fit", by_warm_start=True)),
        ("partial_fit", False, Verdict.CONTINUED, ContinuesLearning("partial_fit")),
        ("partial_fit", True, Verdict.CONTINUED, ContinuesLearning("partial_fit")),
    ],
)
def test_given_a_first_fit_when_run_again_then_the_library_s_rules_decide(
    method: str, warm: bool, verdict: Verdict, reason: Reason, seen: bool
) -> None:
    m = model(1, warm_start=warm)
    watch = Watch(m=m)
    watch.run(rebind(m), source=f"m.{method}(X, y)", **call_evidence(m, method, seen=seen))

    assert only(outlook(watch)) == Forecast("m", verdict, reason, sure=True)


@SEEN_OR_NOT
def test_given_other_parameters_now_when_fitted_again_then_the_current_ones_count(seen: bool) -> None:
    m = model(1, warm_start=False)
    watch = Watch(m=m)
    fit = watch.cell(rebind(m), source="m.fit(X, y)", **call_evidence(m, "fit", seen=seen))
    watch.run(params(rebind(m), warm_start=True), source="m.warm_start = True")

    assert verdicts(outlook(watch, fit)) == {"m": "continued"}


@SEEN_OR_NOT
def test_given_another_object_now_when_fitted_again_then_that_one_would_be_fitted(seen: bool) -> None:
    m = model(1)
    watch = Watch(m=m, c=m)
    fit = watch.cell(rebind(m), source="m.fit(X, y)", **call_evidence(m, "fit", seen=seen))
    watch.run(names={"m": model(2)}, source="m = LogisticRegression()")

    of_fit = outlook(watch, fit)

    assert verdicts(of_fit) == {"m": "fitted", "c": "untouched"}
    assert of_fit.forecasts[1].reason == ActsOnEarlierObject()


def test_given_a_deleted_name_when_run_again_then_the_forecast_says_why_nothing_is_known() -> None:
    m = model(1)
    watch = Watch(m=m)
    fit = watch.cell(rebind(m), source="m.fit(X, y)", calls=[call_of(m)])
    watch.run(names={"m": None}, source="del m")

    of_fit = outlook(watch, fit)

    assert (only(of_fit).verdict, of_fit.doubt) == (None, NeedsName("m", "no model"))
    assert only(outlook(watch)).reason == NeedsName("m", "deletes it itself")


@SEEN_OR_NOT
def test_given_a_fitted_pipeline_when_run_again_then_its_named_parts_would_be_refitted_too(
    seen: bool,
) -> None:
    scaler, clf = model(1), model(2)
    pipe = pipeline(3, ("s", scaler), ("c", clf))
    watch = Watch(scaler, clf, pipe=pipe, clf=clf)
    fit = call_evidence(pipe, "fit", seen=seen)
    if seen:
        fit["calls"] += [call_of(scaler, nested=True), call_of(clf, nested=True)]
    watch.run(rebind(scaler), rebind(clf), source="pipe.fit(X, y)", **fit)

    assert verdicts(outlook(watch)) == {"pipe": "refitted", "clf": "refitted"}


def test_given_a_fit_under_a_condition_when_run_again_then_nothing_is_forecast() -> None:
    m = model(1)
    watch = Watch(m=m)
    watch.run(rebind(m), source="if not done:\n    m.fit(X, y)", calls=[call_of(m)])

    assert only(outlook(watch)).reason == ConditionalCall("fit")


def test_given_a_loop_over_an_iterator_when_run_again_then_nothing_is_forecast() -> None:
    m = model(1)
    watch = Watch(m=m)
    watch.cell(source="batches = iter(data)")
    watch.run(rebind(m), source="for b in batches:\n    m.partial_fit(b)", calls=[call_of(m, "partial_fit")])

    assert verdicts(outlook(watch)) == {"m": None}


# What it sets.


def test_given_a_set_parameter_when_run_again_then_untouched_unless_it_has_another_value() -> None:
    m = model(1)
    watch = Watch(m=m)
    setting = watch.cell(params(m, C=3.0), source="m.C = 3.0")

    assert only(outlook(watch)) == Forecast("m", Verdict.UNTOUCHED, ParametersAlready((("C", 3.0),)))

    watch.run(params(m, C=5.0), source="m.set_params(C=5.0)")
    changes = (ParameterChange("C", 5.0, 3.0),)
    assert only(outlook(watch, setting)) == Forecast("m", Verdict.PARAMS, SetsParameters(changes))


@pytest.mark.parametrize("source", ["m.C *= 2", "m.set_params(C=m.C * 2)"])
def test_given_a_parameter_computed_from_itself_when_run_again_then_it_would_change_again(
    source: str,
) -> None:
    m = model(1)
    watch = Watch(m=m)
    watch.run(params(m, C=2.0), source=source)

    forecast = only(outlook(watch))

    assert forecast.verdict == "params"
    assert isinstance(forecast.reason, SetsParameters)
    (change,) = forecast.reason.changes
    assert (change.name, change.now, change.is_known) == ("C", 2.0, False)


@pytest.mark.parametrize("source", ["m.C = draw()", "tune(m)"])
def test_given_a_parameter_from_elsewhere_when_run_again_then_nothing_is_forecast(source: str) -> None:
    m = model(1)
    watch = Watch(m=m)
    watch.run(params(m, C=2.0), source=source)

    assert only(outlook(watch)).verdict is None


@pytest.mark.parametrize(
    ("source", "verdict"),
    [
        ("m.coef_[0] += 1", "edited"),
        ("m.coef_ = m.coef_ * 2", "edited"),
        ("m.coef_ = np.zeros(3)", "edited"),
        ("m.coef_ = 5.0", "edited"),
        ("m.coef_ = 5", "untouched"),
        ("m.coef_[0] = 7", "untouched"),
        ("m.coef_ = weights", "untouched"),
        ("m.coef_[0] = draw()", None),
    ],
)
def test_given_an_edit_when_run_again_then_the_written_value_decides(
    source: str, verdict: str | None
) -> None:
    m = rebind(model(1))
    watch = Watch(m=m)
    edit = CodeFacts(assigned=((1, "coef_"),), complete=True)
    watch.run(write_in_place(m), source=source, code=edit)

    assert only(outlook(watch)).verdict == verdict


def test_given_a_change_that_was_not_understood_when_run_again_then_nothing_is_forecast() -> None:
    m = rebind(model(1))
    watch = Watch(m=m)
    watch.run(write_in_place(m), source="library.improve(m)", code=OBSCURE)

    assert (only(outlook(watch)).verdict, only(outlook(watch)).sure) == (None, False)


# What it binds, copies and stores.


def test_given_an_alias_when_run_again_then_untouched_while_it_holds() -> None:
    m, other = model(1), model(2)
    watch = Watch(a=m, c=other)
    alias = watch.cell(names={"c": m}, source="c = a")

    assert verdicts(outlook(watch)) == {"c": "untouched"}

    watch.run(names={"a": model(3)}, source="a = LogisticRegression()")
    assert verdicts(outlook(watch, alias)) == {"c": "aliased"}


def test_given_a_swap_when_run_again_then_it_would_swap_back() -> None:
    m, other = model(1), model(2)
    watch = Watch(a=m, b=other)
    watch.run(names={"a": other, "b": m}, source="a, b = b, a")

    assert verdicts(outlook(watch)) == {"a": "aliased", "b": "aliased"}


def test_given_a_copy_when_run_again_then_it_would_copy_the_current_object() -> None:
    m = rebind(model(1))
    watch = Watch(m=m)
    code = CodeFacts(copies=("copy.deepcopy",), complete=True)
    copied = watch.cell(names={"b": twin(m, 2)}, source="b = copy.deepcopy(m)", code=code, sees_calls=False)

    assert verdicts(outlook(watch)) == {"b": "copied"}

    watch.run(names={"m": model(3)}, source="m = LogisticRegression()")
    assert verdicts(outlook(watch, copied)) == {"b": "reset"}


def test_given_a_load_when_run_again_then_restored_unless_the_file_was_written_since() -> None:
    m = rebind(model(1))
    watch = Watch()
    load = watch.cell(
        names={"m": m}, source="m = joblib.load('m.joblib')", files=[load_access(m)], sees_calls=False
    )

    assert only(outlook(watch)) == Forecast("m", Verdict.RESTORED, LoadsFile("/w/m.joblib"))

    watch.run(files=[save_access(m)], source="joblib.dump(m, 'm.joblib')")
    assert verdicts(outlook(watch)) == {"m": "saved"}
    assert only(outlook(watch, load)).reason == FileChanged("/w/m.joblib")


def test_given_a_name_that_lost_its_model_when_run_again_then_untouched() -> None:
    watch = Watch(m=model(1))
    away = watch.cell(names={"m": None}, source="m = None")

    assert outlook(watch) == Outlook()

    watch.run(names={"m": model(2)}, source="m = LogisticRegression()")
    assert verdicts(outlook(watch, away)) == {"m": "deleted"}


# What makes it uncertain.


@pytest.mark.parametrize(
    ("status", "code", "doubt"),
    [
        ("error", FOLLOWED, EndedEarly("error")),
        ("interrupted", FOLLOWED, EndedEarly("interrupted")),
        ("ok", OBSCURE, PartlySeen("calls not followed")),
    ],
)
def test_given_reasons_to_doubt_when_run_again_then_the_forecast_is_uncertain(
    status: str, code: CodeFacts, doubt: Doubt
) -> None:
    m = model(1)
    watch = Watch(m=m)
    watch.run(rebind(m), source="m.fit(X, y)", calls=[call_of(m)], status=status, code=code)

    again = outlook(watch)

    assert (only(again).verdict, only(again).sure, again.doubt) == ("refitted", False, doubt)


def test_given_a_restart_then_nothing_is_forecast_for_an_earlier_run() -> None:
    watch = Watch()
    originals = watch.cell(names={"m": model(1)}, source="m = LogisticRegression()")
    watch.attach()

    assert outlook(watch, originals) == Outlook(doubt=KernelRestarted())


def test_a_forecast_does_not_change_the_timeline() -> None:
    m = rebind(model(1))
    watch = Watch(m=m)
    watch.run(names={"m": model(2)}, source="m = LogisticRegression()")
    names, objects = dict(watch.timeline.names), dict(watch.timeline.objects)
    moments = list(watch.timeline.moments)

    outlook(watch)

    assert (watch.timeline.names, watch.timeline.objects) == (names, objects)
    assert list(watch.timeline.moments) == moments


def test_given_a_model_cleared_by_hand_when_run_again_then_nothing_is_forecast() -> None:
    m: ObjectFacts = rebind(model(1))
    watch = Watch(m=m)
    watch.run(forget(m), source="del m.coef_, m.intercept_")

    assert verdicts(outlook(watch)) == {"m": None}


def test_given_steps_that_were_seen_then_the_network_would_learn_on() -> None:
    net = network(1)
    watch = Watch(net=net)
    opt = optimizer(2, net, steps=3)
    step = Call(opt.token, opt.cls, "step", 3, 3)

    source = "opt = Adam(net.parameters())\nfor _ in range(3):\n    opt.step()"
    watch.run(train(net, "w1", 3), names={"opt": opt}, source=source, calls=[step], sees_calls=True)

    assert verdicts(outlook(watch)) == {"net": "continued", "opt": "reset"}
