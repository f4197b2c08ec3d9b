"""Tests networks on the screen: hundreds of tensors with long names, and words that fit networks."""

from __future__ import annotations

from kernelscope.domain.facts import ObjectFacts, Signature
from kernelscope.tui.state.spans import Span, fit_name, width
from kernelscope.tui.views.diff_lines import AttributeChange, compare_signatures
from tests.support.script import Story
from tests.tui.helpers import dashboard

TENSORS = [f"layers.{n}.conv{k}.{what}" for n in range(20) for k in (1, 2) for what in ("weight", "bias")]


def network(tag: str) -> ObjectFacts:
    learned = {name: Signature("float32 tensor (32, 32, 3, 3)", 0, f"{tag}{name}") for name in TENSORS}
    return ObjectFacts(1, 1, "app.ResNet", "torch", 0x7F00, learned=learned)


def story() -> Story:
    story = Story()
    net = network("a")
    story.attach()
    story.run("net = ResNet()", names={"net": net})
    story.run("train(net)", objects=[network("b")])
    return story


def test_a_long_name_keeps_both_ends_and_a_gap_after_it() -> None:
    for name in ("weight", "layer4.1.downsample.1.num_batches_tracked", "名" * 30, "x"):
        for cells in (0, 1, 5, 9, 24):
            assert width([Span(fit_name(name, cells))]) == cells
    names = {fit_name(f"layer4.1.downsample.1.{end}", 24) for end in ("weight", "bias", "running_mean")}
    assert len(names) == 3
    assert all(one.endswith(" ") for one in names)


async def test_the_tensors_do_not_push_out_the_cell_s_source() -> None:
    async with dashboard(story(), size=(140, 40)) as driver:
        text = driver.text("#inspected")
        assert f"{len(TENSORS) - 8} more in the evidence" in text
        assert "train(net)" in driver.screen()


async def test_tensors_can_be_distinguished_at_80_columns() -> None:
    async with dashboard(story(), size=(80, 24)) as driver:
        await driver.press("v")
        await driver.wait_until(lambda: driver.app.screen.tab == "parameters")  # type: ignore[attr-defined]
        await driver.press("right")
        await driver.wait_until(lambda: driver.app.screen.tab == "learned")  # type: ignore[attr-defined]
        assert "layers.0.conv1.weight   float32 tensor" in driver.text("#evidence-text")
        await driver.press("q", "d")
        assert "(32, 32, 3, 3)" in driver.screen()


def test_a_sampled_tensor_is_shown_with_its_count_of_writes() -> None:
    for digest in (None, "~a"):
        one, other = (Signature("tensor", 0, digest, version=v) for v in (1, 2))
        assert compare_signatures(one, other) is AttributeChange.WRITTEN
        assert compare_signatures(one, one) is AttributeChange.UNCHANGED
