"""Areas, masks, ranges and batches of prompts are as recorded (data: tests/data/diffusion)."""

from __future__ import annotations

from typing import Any

import pytest
import sampling_toy as toy
import torch
from diffusion_records import assert_recorded, cases, keys, sampling_of
from toy_models import ToyModel

from app.engine.diffusion.cond_batch import calc_cond_batch
from app.engine.diffusion.conditioning import (
    bounds_of_mask,
    prepare_conds,
    share_with_list,
    to_entries,
)
from app.engine.diffusion.model import CondEntry, CondLists

LAYOUTS = [key for key in keys("conds") if not key.startswith("pred/")]
SHAPE = (2, 4, 16, 24)


def formula(x: torch.Tensor, t: torch.Tensor, conds: dict[str, Any]) -> torch.Tensor:
    return toy.cond_model(x, t, conds["c_crossattn"])


def model() -> ToyModel:
    return ToyModel(sampling_of("sd15"), formula)


def entry(seed: int = 1, n: int = 77, **values: Any) -> list[Any]:
    return [toy.ctx(seed, n), values]


def prepared(network: ToyModel, positive: list[Any], negative: list[Any] | None) -> CondLists:
    conds = {"positive": to_entries(positive), "negative": to_entries(negative)}
    return prepare_conds(network, torch.zeros(SHAPE), conds, torch.device("cpu"))


def predict(network: ToyModel, lists: CondLists, sigma: float = 2.0) -> list[torch.Tensor]:
    x = toy.latent(SHAPE) * 3
    both: list[list[CondEntry] | None] = [lists["positive"], lists.get("negative")]
    return calc_cond_batch(network, both, x, torch.full((2,), sigma), {})


@pytest.mark.parametrize("key", LAYOUTS)
def test_layouts_are_as_recorded_d070_d080(key: str) -> None:
    case = cases("conds")[key]
    described = toy.cond_cases()[case["params"]["case"]]
    positive, negative = (
        [[toy.ctx(e["seed"], e.get("n", 77)), toy.cond_entry(e)] for e in entries]
        for entries in described
    )
    network = model()

    lists = prepared(network, positive, negative)
    cond, uncond = predict(network, lists, case["params"]["sigma"])

    assert_recorded("conds", key, "cond", cond)
    assert_recorded("conds", key, "uncond", uncond)
    values = case["values"]
    assert [[shape, roles] for shape, roles in network.calls] == values["batches"]
    assert (len(lists["positive"]), len(lists["negative"])) == (values["n_pos"], values["n_neg"])


@pytest.mark.parametrize("key", keys("conds", "pred/"))
def test_predictions_scale_as_recorded_d047_d049(key: str) -> None:
    params = cases("conds")[key]["params"]
    sampling = sampling_of(params["model"])
    sigma = torch.tensor(params["sigma"])
    x = toy.latent((2, 4, 4, 4))
    noised = [sampling.noise_scaling(sigma[0], x, x * 0.3, full) for full in (False, True)]

    assert_recorded("conds", key, "input", sampling.calculate_input(sigma, x))
    denoised = sampling.calculate_denoised(sigma, x * 0.5 + 0.1, x)
    assert_recorded("conds", key, "denoised", denoised)
    assert_recorded("conds", key, "noised", noised[0])
    assert_recorded("conds", key, "noised_max", noised[1])
    assert_recorded("conds", key, "inverse", sampling.inverse_noise_scaling(sigma[0], x))


def test_a_missing_list_predicts_zero_d079() -> None:
    network = model()

    lists = prepared(network, [entry()], None)
    _, uncond = predict(network, lists)

    assert not uncond.any()
    assert network.calls == [([2, 4, 16, 24], [0])]


def test_full_memory_splits_the_batch_d071(monkeypatch: pytest.MonkeyPatch) -> None:
    network = model()
    network.memory_bytes = 100.0
    monkeypatch.setattr("app.engine.diffusion.cond_batch.get_free_memory", lambda _: 301.0)

    lists = prepared(network, [entry()], [entry(2)])
    split = predict(network, lists)

    assert [roles for _, roles in network.calls] == [[1], [0]]
    monkeypatch.undo()
    together = predict(model(), lists)
    torch.testing.assert_close(split, together)


def test_inputs_of_the_caller_are_not_changed() -> None:
    values = {"area": ("percentage", 0.5, 0.5, 0.0, 0.0), "mask": torch.ones(1, 8, 8)}
    conditioning = [[toy.ctx(1), values]]
    before = dict(values)

    prepared(model(), conditioning, [entry(2)])

    assert values == before
    assert list(values) == ["area", "mask"]


def test_masks_of_a_batch_go_round_its_items() -> None:
    network = model()
    mask = torch.stack([torch.zeros(16, 24), torch.ones(16, 24)])

    cond, _ = predict(network, prepared(network, [entry(mask=mask)], None))

    assert not cond[0].any()
    assert cond[1].all()


def test_bounds_reach_around_all_that_is_painted_d075() -> None:
    mask = torch.zeros(2, 32, 32)
    mask[0, 4, 6] = 1
    mask[1, 20, 9] = 0.1

    assert bounds_of_mask(mask) == (17, 8, 4, 6)
    assert bounds_of_mask(mask * 0) == (8, 8, 0, 0)


class Control:
    """A ControlNet that says what it is asked."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    def pre_run(self, network: Any, percent_to_sigma: Any) -> None:
        self.asked.append([])

    def get_control(
        self, x: torch.Tensor, sigma: torch.Tensor, conds: Any, batches: int, options: Any
    ) -> dict[str, Any]:
        self.asked[-1] = [*x.shape, batches]
        return {"middle": [1.0]}


def test_prompts_with_one_control_share_a_call_d203() -> None:
    seen: list[Any] = []

    def watching(x: torch.Tensor, t: torch.Tensor, conds: dict[str, Any]) -> torch.Tensor:
        seen.append(conds["control"])
        return formula(x, t, conds)

    network, control = ToyModel(sampling_of("sd15"), watching), Control()

    lists = prepared(network, [entry(control=control, control_apply_to_uncond=True)], [entry(2)])
    predict(network, lists)

    assert seen == [{"middle": [1.0]}]
    assert control.asked == [[4, 4, 16, 24, 2]]


def test_a_control_is_not_forced_on_a_list_that_has_one_d203() -> None:
    first, second = object(), object()
    givers = [{"control": first}]

    assert share_with_list(givers, [{"control": second}], "control") == [{"control": second}]
    assert share_with_list(givers, [{}, {"area": (1, 1, 0, 0)}], "control") == [
        {"control": first},
        {"area": (1, 1, 0, 0)},
    ]
    two = [{"control": first}, {"control": second}]
    assert share_with_list(two, [{}], "control") == [{"control": first}, {"control": second}]
