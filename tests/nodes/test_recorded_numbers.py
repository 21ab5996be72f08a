"""Built-in nodes give the numbers that the reference gave (data: tests/data/nodes)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

DATA = Path(__file__).parents[1] / "data" / "nodes"
CASES: dict[str, Any] = json.loads((DATA / "nodes.json").read_text())["cases"]
NODE_CASES = sorted(
    key
    for key, case in CASES.items()
    if "node" in case["params"] and "error" not in case.get("values", {})
)
ERROR_CASES = sorted(key for key, case in CASES.items() if "error" in case.get("values", {}))


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    with np.load(DATA / "nodes.npz") as file:
        return {key: file[key] for key in file.files}


def _value(text: Any, arrays: dict[str, np.ndarray], *, inside_latent: bool = False) -> Any:
    if not (isinstance(text, str) and text.startswith("@")):
        return text
    if text == "@derived":
        return torch.from_numpy(arrays["input/msk2/v"][:1].copy())
    tensor = torch.from_numpy(arrays[f"input/{text[1:]}/v"].copy())
    if text in ("@lat", "@lat2"):
        return {"samples": tensor}
    return tensor.reshape(-1, 1, *tensor.shape[-2:]) if inside_latent else tensor


def _arguments(case: dict[str, Any], arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    given = case["params"]["kwargs"]
    result = {k: _value(v, arrays) for k, v in given.items() if not k.endswith("__extra")}
    for key, extra in given.items():
        if key.endswith("__extra"):
            more = {k: _value(v, arrays, inside_latent=True) for k, v in extra.items()}
            result[key.removesuffix("__extra")].update(more)
    return result


def _run(case: dict[str, Any], arrays: dict[str, np.ndarray], call: Callable[..., Any]) -> Any:
    arguments = _arguments(case, arrays)
    node = case["params"]["node"]
    if node.startswith("LatentOperation"):
        latent = arguments.pop("samples")
        (operation,) = call(node, **arguments)
        return call("LatentApplyOperation", samples=latent, operation=operation)
    return call(node, **arguments)


def _pick(outputs: Any, name: str) -> Any:
    """Read ``o0`` or ``o0_key`` out of a node's outputs."""
    slot, _, key = name.partition("_")
    value = outputs[int(slot[1:])]
    return value[key or "samples"] if isinstance(value, dict) else value


@pytest.mark.parametrize("key", NODE_CASES)
def test_node_gives_the_recorded_result(
    key: str, arrays: dict[str, np.ndarray], call: Callable[..., Any]
) -> None:
    case = CASES[key]

    outputs = _run(case, arrays, call)

    for name in case.get("arrays", {}):
        expected = arrays[f"{key}/{name}"]
        actual = _pick(outputs, name).numpy()
        assert actual.shape == expected.shape
        np.testing.assert_allclose(actual, expected, atol=case["atol"], rtol=case["rtol"])
    for name, expected in case.get("values", {}).items():
        assert _pick(outputs, name) == expected


def test_conditioning_average_takes_the_second_at_strength_zero(
    arrays: dict[str, np.ndarray], call: Callable[..., Any]
) -> None:
    to = [[_context(1, 8), {"pooled_output": _context(11, 1)[:, 0]}]]
    other = [[_context(2, 5), {"pooled_output": _context(12, 1)[:, 0]}]]

    ((cond, options),) = call(
        "ConditioningAverage",
        conditioning_to=to,
        conditioning_from=other,
        conditioning_to_strength=0.0,
    )[0]

    np.testing.assert_allclose(cond, arrays["ConditioningAverage/0/cond"], atol=1e-5)
    pooled = arrays["ConditioningAverage/0/pooled"]
    np.testing.assert_allclose(options["pooled_output"], pooled, atol=1e-5)


def test_conditioning_concat_joins_along_the_tokens(
    arrays: dict[str, np.ndarray], call: Callable[..., Any]
) -> None:
    joined = call(
        "ConditioningConcat",
        conditioning_to=[[_context(1, 8), {}]],
        conditioning_from=[[_context(2, 5), {}]],
    )[0]

    np.testing.assert_allclose(joined[0][0], arrays["ConditioningConcat/cond"], atol=1e-5)


def _context(seed: int, tokens: int, width: int = 16) -> torch.Tensor:
    index = torch.arange(tokens * width, dtype=torch.float64).reshape(1, tokens, width)
    return torch.sin(index * (0.013 + 0.001 * seed) + seed).float()


def test_saved_pixels_are_cut_not_rounded_d178(arrays: dict[str, np.ndarray]) -> None:
    from app.engine.imaging.pixels import to_uint8

    levels = to_uint8(torch.linspace(-0.1, 1.1, 4096))

    np.testing.assert_array_equal(levels, arrays["to_uint8/u8"])


def test_masked_paste_with_a_negative_origin_shows_the_visible_part(
    arrays: dict[str, np.ndarray], call: Callable[..., Any]
) -> None:
    destination, source = torch.zeros(1, 4, 5, 3), torch.ones(1, 2, 3, 3)

    (pasted,) = call(
        "ImageCompositeMasked",
        destination=destination, source=source, x=-1, y=-1, resize_source=False,
    )  # fmt: skip

    expected = torch.zeros(4, 5)
    expected[0, :2] = 1
    assert torch.equal(pasted[0, ..., 0], expected)


def test_a_list_of_levels_with_a_broken_number_is_refused(call: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match=r'"1\.\.5" is not a number'):
        call("ManualSigmas", sigmas="1..5")


def test_cases_in_which_the_reference_fails_are_all_covered_here() -> None:
    assert ERROR_CASES == ["ImageCompositeMasked/True_m2_-5_-4", "ManualSigmas/4"]
