"""Reads objects of each library, with the libraries themselves."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import pytest

from tests.support.probe import make_code_reader, make_scanner

pytestmark = pytest.mark.frameworks


class Kernel:
    """A namespace and a scanner of it."""

    def __init__(self, **names: Any) -> None:
        self.names: dict[str, Any] = {**names}
        self.look = make_scanner(self.names)
        self.records: dict[int, dict[str, Any]] = {}

    def run(self, source: str) -> dict[str, dict[str, Any]]:
        """Run the source and scan; returns the records that differ, by name."""
        exec(source, self.names)
        observation = self.look.scan()
        assert observation["cut"] == []
        differ: dict[int, dict[str, Any]] = {r["token"]: {**r} for r in observation["objects"]}
        self.records.update(differ)
        return {n: differ[t] for n, t in self.look.names.items() if t in differ}

    def record_of(self, name: str) -> dict[str, Any]:
        """Return the latest record of what a name holds."""
        return self.records[self.look.names[name]]


@pytest.fixture
def torch_kernel() -> Kernel:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    torch.manual_seed(0)
    kernel = Kernel(torch=torch)
    kernel.run(
        "net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 1))\n"
        "opt = torch.optim.SGD(net.parameters(), lr=0.1)\n"
        "loss = torch.nn.MSELoss(); act = torch.nn.ReLU()\n"
        "X = torch.rand(8, 3); y = torch.rand(8, 1)"
    )
    return kernel


STEP = "opt.zero_grad(); loss(net(X), y).backward(); opt.step()"


def test_losses_and_activations_are_not_models(torch_kernel: Kernel) -> None:
    assert set(torch_kernel.look.names) == {"net", "opt"}


def test_a_loss_with_class_weights_is_not_a_model(torch_kernel: Kernel) -> None:
    torch_kernel.run("weighted = torch.nn.CrossEntropyLoss(weight=torch.ones(2))")

    assert set(torch_kernel.look.names) == {"net", "opt"}


def test_a_lazy_module_has_no_shape_before_its_first_use(torch_kernel: Kernel) -> None:
    bare = torch_kernel.run("lazy = torch.nn.LazyLinear(2)")["lazy"]["learned"]
    shaped = torch_kernel.run("lazy(X)")["lazy"]["learned"]

    assert bare["weight"]["text"] in ("tensor", "float32 tensor (0,)")
    assert shaped["weight"]["text"] == "float32 tensor (2, 3)"


def test_every_parameter_and_buffer_is_reported(torch_kernel: Kernel) -> None:
    learned = torch_kernel.record_of("net")["learned"]

    assert set(learned) == {
        *("0.weight", "0.bias", "1.weight", "1.bias", "2.weight", "2.bias"),
        *("1.running_mean", "1.running_var", "1.num_batches_tracked"),
    }
    assert learned["0.weight"]["text"] == "float32 tensor (4, 3)"
    assert learned["0.weight"]["version"] == 1


def test_an_optimizer_names_the_networks_that_it_works_on(torch_kernel: Kernel) -> None:
    net, opt = torch_kernel.record_of("net"), torch_kernel.record_of("opt")

    assert net["token"] in opt["partners"]
    assert {p["token"] for p in net["parts"]} <= set(opt["partners"])
    assert opt["params"]["lr"] == 0.1


def test_an_optimizer_names_a_network_that_is_gone(torch_kernel: Kernel) -> None:
    old = torch_kernel.record_of("net")["token"]

    torch_kernel.run("net = torch.nn.Linear(3, 1)")

    assert old in torch_kernel.record_of("opt")["partners"]
    assert torch_kernel.record_of("net")["token"] not in torch_kernel.record_of("opt")["partners"]


@pytest.mark.parametrize(
    ("write", "is_seen"),
    [
        (STEP, True),
        ("with torch.no_grad(): net[0].weight[0, 0] = 5.0", True),
        ("net[0].weight.data.add_(1.0)", True),
        ("net[0].weight.detach().numpy()[0, 0] = 7.0", True),
        ("net(X)", True),  # batch statistics
        ("net.eval(); net(X)", False),
        ("net.train(); net.eval(); repr(net); net.state_dict(); list(net.parameters())", False),
        ("net.requires_grad_(False)", False),
    ],
)
def test_every_way_to_write_weights_is_noticed(torch_kernel: Kernel, write: str, is_seen: bool) -> None:
    assert ("net" in torch_kernel.run(write)) is is_seen


def test_a_fused_optimizer_changes_no_version_and_is_noticed_by_content(torch_kernel: Kernel) -> None:
    torch_kernel.run("opt = torch.optim.Adam(net.parameters(), fused=True)")
    before = torch_kernel.record_of("net")["learned"]["0.weight"]

    after = torch_kernel.run(STEP)["net"]["learned"]["0.weight"]

    assert after["digest"] != before["digest"]


def test_types_that_numpy_lacks_are_read_by_their_bits(torch_kernel: Kernel) -> None:
    torch_kernel.run("half = torch.nn.Linear(2, 1).to(torch.bfloat16)")
    before = torch_kernel.record_of("half")["learned"]["weight"]

    torch_kernel.run("with torch.no_grad(): half.weight.mul_(2)")

    assert before["text"] == "bfloat16 tensor (1, 2)"
    assert torch_kernel.record_of("half")["learned"]["weight"]["digest"] not in (None, before["digest"])


def test_a_tensor_on_another_device_is_not_read(torch_kernel: Kernel) -> None:
    weight = torch_kernel.run("far = torch.nn.Linear(2, 1, device='meta')")["far"]["learned"]["weight"]

    assert "digest" not in weight
    assert weight["text"] == "float32 tensor (1, 2)"


def test_the_user_s_torch_modes_do_not_see_the_probe_reading(torch_kernel: Kernel) -> None:
    torch_kernel.run(
        "from torch.overrides import TorchFunctionMode\n"
        "from torch.utils._python_dispatch import TorchDispatchMode\n"
        "class Spy(TorchFunctionMode):\n"
        "    seen = []\n"
        "    def __torch_function__(self, func, types, args=(), kwargs=None):\n"
        "        self.seen.append(func); return func(*args, **(kwargs or {}))\n"
        "class Deep(TorchDispatchMode):\n"
        "    seen = []\n"
        "    def __torch_dispatch__(self, func, types, args=(), kwargs=None):\n"
        "        self.seen.append(func); return func(*args, **(kwargs or {}))\n"
        "spy, deep = Spy(), Deep(); spy.__enter__(); deep.__enter__()"
    )
    torch_kernel.run("with torch.no_grad(): net[0].weight.add_(1)\nn = len(spy.seen), len(deep.seen)")
    torch_kernel.look.scan()
    names = torch_kernel.names
    counted = (len(names["spy"].seen), len(names["deep"].seen))
    names["deep"].__exit__(None, None, None)
    names["spy"].__exit__(None, None, None)

    assert counted == names["n"]


def test_a_network_is_freed_when_the_user_deletes_it(torch_kernel: Kernel) -> None:
    torch_kernel.run(STEP)
    net = weakref.ref(torch_kernel.names["net"])
    weight = weakref.ref(torch_kernel.names["net"][0].weight)

    torch_kernel.run("del net, opt")
    gc.collect()

    assert (net(), weight()) == (None, None)


def test_methods_of_a_subclass_are_not_called(torch_kernel: Kernel) -> None:
    torch_kernel.run(
        "asked = []\n"
        "class Loud(torch.nn.Linear):\n"
        "    def __getattr__(self, name):\n"
        "        asked.append(name); return super().__getattr__(name)\n"
        "    def parameters(self, recurse=True):\n"
        "        asked.append('parameters'); return super().parameters(recurse)\n"
        "    def __repr__(self):\n"
        "        asked.append('repr'); return 'Loud'\n"
        "loud = Loud(2, 1)\n"
        "asked.clear()"
    )
    torch_kernel.look.scan()

    assert torch_kernel.names["asked"] == []
    assert set(torch_kernel.record_of("loud")["learned"]) == {"weight", "bias"}


def test_lightgbm_rounds_are_counted() -> None:
    lightgbm = pytest.importorskip("lightgbm", reason="LightGBM is not installed")
    numpy = pytest.importorskip("numpy")
    kernel = Kernel(lgb=lightgbm, np=numpy)
    kernel.run(
        "X = np.random.rand(100, 2); d = lgb.Dataset(X, label=X[:, 0], free_raw_data=False)\n"
        "bst = lgb.train({'verbose': -1}, d, 3, keep_training_booster=True)"
    )
    assert kernel.record_of("bst")["learned"]["rounds"]["number"] == 3.0

    kernel.run("bst.update()")

    assert kernel.record_of("bst")["learned"]["rounds"]["number"] == 4.0


def test_scanning_an_xgboost_booster_prints_nothing(recwarn: pytest.WarningsRecorder) -> None:
    xgboost = pytest.importorskip("xgboost", reason="XGBoost is not installed")
    kernel = Kernel(xgb=xgboost)
    kernel.run("bst = xgb.Booster({'no_such_parameter': 1})")
    kernel.run("bst.set_param({'no_such_parameter': 2})")

    assert kernel.record_of("bst")["learned"] == {}
    assert [str(w.message) for w in recwarn] == []


@pytest.mark.parametrize(
    ("library", "code"),
    [("lightgbm", "LGBMClassifier(num_leaves=7, {})"), ("xgboost", "XGBClassifier(max_depth=7, {})")],
)
def test_what_a_constructor_takes_beyond_its_named_arguments_is_a_hyper_parameter(
    library: str, code: str
) -> None:
    module = pytest.importorskip(library, reason=f"{library} is not installed")
    kernel = Kernel(lib=module)
    plain = set(kernel.run(f"m = lib.{code.format('')}")["m"]["params"])
    further = kernel.run(f"m = lib.{code.format('beyond=3')}")["m"]
    assert set(further["params"]) - plain == {"beyond"}
    assert further["params"]["beyond"] == 3
    assert not {"beyond", "kwargs", "_other_params"} & set(further["learned"])


def test_catboost_trees_are_read_although_the_c_object_stays() -> None:
    catboost = pytest.importorskip("catboost", reason="CatBoost is not installed")
    numpy = pytest.importorskip("numpy")
    kernel = Kernel(cb=catboost, np=numpy)
    kernel.run(
        "X = np.random.rand(40, 2); y = X[:, 0]\n"
        "m = cb.CatBoostRegressor(iterations=2, verbose=0, allow_writing_files=False)"
    )
    assert kernel.record_of("m")["learned"] == {}
    assert kernel.record_of("m")["params"]["iterations"] == 2

    first = kernel.run("m.fit(X, y)")["m"]["learned"]
    second = kernel.run("m.fit(X, -y)")["m"]["learned"]
    used = kernel.run("m.predict(X); m.get_feature_importance(); m.score(X, y)")

    assert first["leaf_values"]["digest"] != second["leaf_values"]["digest"]
    assert used == {}


def test_keras_weights_are_read_by_tensorflow_s_own_operation() -> None:
    keras = pytest.importorskip("keras", reason="Keras is not installed")
    numpy = pytest.importorskip("numpy")
    kernel = Kernel(keras=keras, np=numpy)
    kernel.run(
        "X = np.random.rand(8, 2)\n"
        "net = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dropout(0.5), keras.layers.Dense(1)])\n"
        "net.compile('sgd', 'mse')"
    )
    before = kernel.record_of("net")

    trained = kernel.run("h = net.fit(X, X[:, :1], verbose=0)")["net"]
    used = kernel.run("net.predict(X, verbose=0); net.evaluate(X, X[:, :1], verbose=0)")

    compiled_with = {"optimizer": "SGD", "learning_rate": 0.01, "loss": "mse"}
    params = {name: value for name, value in before["params"].items() if not isinstance(value, dict)}
    assert params == {**compiled_with, "dropout.rate": 0.5, "dense.trainable": True}
    assert [v["text"] for v in before["params"].values() if isinstance(v, dict)] == ["Dropout", "Dense"]
    assert before["signs"] == ["no iterations"]
    assert len(before["learned"]) == 2
    assert [k for k in trained["learned"] if trained["learned"][k] != before["learned"][k]]
    assert trained["signs"] == ["iterations"]
    assert used == {}


def test_keras_weights_that_the_first_fit_creates_are_read() -> None:
    keras = pytest.importorskip("keras", reason="Keras is not installed")
    numpy = pytest.importorskip("numpy")
    kernel = Kernel(keras=keras, np=numpy)
    kernel.run(
        "class Net(keras.Model):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.d = keras.layers.Dense(1)\n"
        "    def call(self, x):\n"
        "        return self.d(x)\n"
        "X = np.random.rand(8, 2); net = Net(); net.compile('sgd', 'mse')\n"
        "h = net.fit(X, X[:, :1], verbose=0)"
    )

    again = kernel.run("h = net.fit(X, X[:, :1], verbose=0)")["net"]["learned"]

    assert all("digest" in signature for signature in again.values())


def test_a_cast_changes_the_reported_tensor_type(torch_kernel: Kernel) -> None:
    cast = torch_kernel.run("net.double()")["net"]["learned"]

    assert cast["0.weight"]["text"] == "float64 tensor (4, 3)"


def files_of(kernel: Kernel, *cells: str) -> list[tuple[str, int | None]]:
    """Read the cells; returns (action, the model's token) of each save and load in the last."""
    reader = make_code_reader(kernel.names, kernel.look)
    facts: Any = {}
    for cell in cells:
        exec(cell, kernel.names)
        facts = reader.read(cell, 0.0)
    return [(f["action"], f["token"]) for f in facts["files"]]


def test_a_dict_of_live_tensors_is_saved_as_its_model(torch_kernel: Kernel, tmp_path: Path) -> None:
    net = torch_kernel.record_of("net")["token"]
    torch_kernel.names["path"] = str(tmp_path / "net.pt")
    state, save = "state = {'model': net.state_dict()}", "torch.save(state, path)"

    assert files_of(torch_kernel, f"{state}; {save}") == [("save", net)]
    assert files_of(torch_kernel, state, save) == [("save", net)]
    assert files_of(torch_kernel, state, "state = {}", save) == [("save", None)]


def test_a_step_through_a_scaler_counts_as_the_optimizer_s(torch_kernel: Kernel) -> None:
    kernel = torch_kernel
    kernel.run("scaler = torch.amp.GradScaler('cpu', enabled=False)")
    reader = make_code_reader(kernel.names, kernel.look)

    methods = reader.read("scaler.step(opt)", 0.0)["code"]["methods"]

    assert [(m["method"], m["token"]) for m in methods] == [("step", kernel.record_of("opt")["token"])]
