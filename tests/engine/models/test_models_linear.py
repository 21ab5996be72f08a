"""Fully connected layers compute the same through either matrix library."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the customary name

from app.engine.models import linear as module
from app.engine.models.linear import FEWEST_ROWS, linear


def _parts(rows, *, dtype=torch.float32, seed=3):
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(*rows, 48, generator=draw).to(dtype)
    weight = (torch.randn(80, 48, generator=draw) / 7).to(dtype)
    return x, weight, torch.randn(80, generator=draw).to(dtype)


@pytest.fixture
def calls(monkeypatch):
    """Notes which products go to the second library."""
    found = module._onednn()
    if found is None:
        pytest.skip("torch multiplies with one library only here")
    seen = []

    def counted(x, *others):
        seen.append(tuple(x.shape))
        return found(x, *others)

    monkeypatch.setattr(module, "_onednn", lambda: counted)
    return seen


@pytest.mark.parametrize("rows", [(77,), (2, 77), (2, 3, 20), (FEWEST_ROWS,)])
@pytest.mark.parametrize("has_bias", [True, False])
def test_both_libraries_agree(calls, rows, has_bias):
    x, weight, bias = _parts(rows)
    bias = bias if has_bias else None

    result = linear(x, weight, bias)

    assert calls == [(*rows, 48)]
    assert result.shape == (*rows, 80)
    torch.testing.assert_close(result, F.linear(x, weight, bias), rtol=0, atol=1e-5)


def test_views_of_other_strides_are_multiplied_as_they_read(calls):
    x, weight, bias = _parts((4, 30))
    turned = x.transpose(0, 1)
    part = x[:, 3:20]

    for view in (turned, part):
        torch.testing.assert_close(
            linear(view, weight, bias), F.linear(view, weight, bias), rtol=0, atol=1e-5
        )
    assert len(calls) == 2


def test_a_row_has_the_same_result_in_every_batch_position(calls):
    x, weight, bias = _parts((1, 20))

    together = linear(x.repeat(3, 1, 1), weight, bias)

    assert torch.equal(together[0], together[2])


@pytest.mark.parametrize(
    "case", ["few rows", "one axis", "bfloat16", "gradients", "autocast", "turned weight", "empty"]
)
def test_what_the_second_library_cannot_do_goes_the_usual_way(calls, case):
    x, weight, bias = _parts((20,), dtype=torch.bfloat16 if case == "bfloat16" else torch.float32)
    if case == "few rows":
        x = x[: FEWEST_ROWS - 1]
    elif case == "one axis":
        x = x[0]
    elif case == "gradients":
        x.requires_grad_()
    elif case == "turned weight":
        weight = weight.t().contiguous().t()
    elif case == "empty":
        x = x[:0]

    with torch.autocast("cpu", torch.bfloat16, enabled=case == "autocast"):
        result = linear(x, weight, bias)
        expected = F.linear(x, weight, bias)

    assert calls == []
    assert torch.equal(result, expected)
    if case == "gradients":
        result.sum().backward()
        assert x.grad is not None


@pytest.mark.parametrize("case", ["every second", "one number", "one row", "shorter"])
def test_a_bias_that_lies_otherwise_is_added_as_it_reads(calls, case):
    x, weight, bias = _parts((20,))
    if case == "every second":
        bias = torch.stack([bias, -bias], 1)[:, 0]
    elif case == "one number":
        bias = bias[:1].expand(80)
    elif case == "one row":
        bias = bias[None]
    else:
        bias = bias[:1]

    assert torch.equal(linear(x, weight, bias), F.linear(x, weight, bias))
    assert calls == []


def test_shapes_that_do_not_match_are_told_as_torch_tells_it():
    x, weight, bias = _parts((20,))

    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        linear(x[:, :40], weight, bias)


def test_rows_without_columns_give_the_bias(calls):
    _, weight, bias = _parts((20,))

    result = linear(torch.zeros(20, 0), weight[:, :0], bias)

    assert torch.equal(result, bias.expand(20, 80))


def test_a_gradient_of_the_bias_alone_is_computed(calls):
    x, weight, bias = _parts((20,))
    bias.requires_grad_()

    linear(x, weight, bias).sum().backward()

    assert torch.equal(bias.grad, torch.full((80,), 20.0))


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@torch.no_grad()
def test_forward_derivatives_are_kept(calls):
    x, weight, bias = _parts((20,))
    x, slope = torch.func.jvp(lambda x: linear(x, weight, bias), (x,), (torch.ones_like(x),))

    torch.testing.assert_close(slope, weight.sum(1).expand(20, 80), rtol=0, atol=1e-5)


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_recording_and_compiling_packs_meet_nothing_unknown():
    x, weight, bias = _parts((20,))
    recorded = torch.jit.trace(lambda x: linear(x, weight, bias), x)
    compiled = torch.compile(
        lambda x: linear(x, weight, bias), backend="eager", fullgraph=True, dynamic=False
    )

    for run in (recorded, compiled):
        torch.testing.assert_close(run(x), F.linear(x, weight, bias), rtol=0, atol=1e-5)
