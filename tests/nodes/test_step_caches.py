"""EasyCache and LazyCache leave out steps, and only where they may."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "engine" / "models"))

import random_models

from app.engine.diffusion.run import sample_latent
from app.engine.diffusion.step_cache import OutputGuess
from app.engine.models import memory
from app.engine.models.loading import checkpoint_from_tensors

STEPS = 10
BOTH = pytest.mark.parametrize("node", ["EasyCache", "LazyCache"])


@pytest.fixture(scope="module")
def model(engine):
    yield checkpoint_from_tensors(random_models.build("unet_tiny"), output_clip=False).model
    memory.unload_all_models()


def sampled(model, cfg=2.0):
    """Return the latent of a short run, and how often the network ran."""
    positive = [[random_models.wave_text(1), {}]]
    negative = [[random_models.wave_text(2), {}]]
    latent = {"samples": torch.zeros(1, 4, 8, 8)}
    calls = []
    block = model.model.diffusion_model.middle_block
    handle = block.register_forward_pre_hook(lambda *_: calls.append(1))
    try:
        found = sample_latent(
            model, 7, STEPS, cfg, "euler", "normal", positive, negative, latent
        )["samples"]  # fmt: skip
    finally:
        handle.remove()
    return found, len(calls)


def cached(call, node, model, threshold=0.2, start=0.15, end=0.95, verbose=False):
    (changed,) = call(
        node, model=model, reuse_threshold=threshold, start_percent=start, end_percent=end,
        verbose=verbose,
    )  # fmt: skip
    return changed


def test_a_guess_adds_what_the_network_added_and_counts_the_change():
    guess = OutputGuess(0.5)
    first, second = torch.full((1, 2, 2, 2), 1.0), torch.full((1, 2, 2, 2), 2.0)
    assert not guess.is_close(first)
    guess.record(first, first * 3)
    assert not guess.is_close(second)
    guess.record(second, second * 3)

    # The output changes 3 for each 1 and is 6: a change of 0.4 makes 0.2 of it.
    assert guess.is_close(second + 0.4)
    assert guess.change == pytest.approx(0.2)
    torch.testing.assert_close(guess.output(second + 0.4), second * 3 + 0.4)
    assert guess.is_close(second + 0.8)
    assert not guess.is_close(second + 1.2)

    guess.record(second + 1.2, (second + 1.2) * 3)
    assert guess.change == 0


def test_what_lies_beside_the_latent_is_no_part_of_the_guess():
    guess = OutputGuess(10.0)
    x = torch.arange(9.0).reshape(1, 9, 1, 1)
    for shift in (0.0, 1.0):
        guess.record(x + shift, x[:, :4] + shift + 5)

    assert guess.is_close(x + 2)
    torch.testing.assert_close(guess.output(x + 2), x[:, :4] + 7)


def test_outputs_of_another_size_are_never_guessed():
    guess = OutputGuess(10.0)
    for value in (1.0, 2.0):
        guess.record(torch.full((1, 4, 2, 2), value), torch.full((1, 4, 4, 4), value))

    assert not guess.is_close(torch.ones(1, 4, 2, 2))
    assert guess.output(torch.ones(1, 4, 2, 2)) is None


@BOTH
def test_a_threshold_of_0_changes_nothing(node, model, call):
    plain, calls = sampled(model)

    same, cached_calls = sampled(cached(call, node, model, threshold=0.0))

    assert torch.equal(plain, same)
    assert calls == cached_calls == STEPS


@BOTH
def test_a_high_threshold_leaves_out_what_the_range_allows(node, model, call):
    _, whole = sampled(cached(call, node, model, 1e6, 0.0, 1.0))
    _, late = sampled(cached(call, node, model, 1e6, 0.5, 1.0))
    _, never = sampled(cached(call, node, model, 1e6, 0.99, 1.0))

    # The first two evaluations are always computed: they tell how fast the output changes.
    assert whole == 2
    assert whole < late < STEPS
    assert never >= STEPS - 1


@BOTH
def test_the_default_is_nearer_than_guesses_alone_and_the_same_every_time(node, model, call):
    exact, _ = sampled(model)
    guesses, _ = sampled(cached(call, node, model, 1e6, 0.0, 1.0))
    changed = cached(call, node, model)

    first, calls = sampled(changed)
    again, calls_again = sampled(changed)

    assert calls == calls_again < STEPS
    assert torch.equal(first, again)
    assert 0 < (first - exact).abs().mean() < (guesses - exact).abs().mean()
    assert torch.equal(sampled(model)[0], exact)


@BOTH
def test_the_node_twice_counts_once(node, model, call):
    twice = cached(call, node, cached(call, node, model, 1e6, 0.0, 1.0), 0.0)

    assert sampled(twice)[1] == STEPS


def test_a_second_evaluation_of_the_same_prompt_is_a_thing_of_its_own(model, call):
    (guided,) = call("PerturbedAttentionGuidance", model=model, scale=3.0)
    exact, calls = sampled(guided, cfg=1.0)

    # Its input is that of the first, so that the guess from the first would always do.
    same, same_calls = sampled(cached(call, "EasyCache", guided, 1e-9, 0.0, 1.0), cfg=1.0)

    assert same_calls == calls > STEPS
    assert torch.equal(same, exact)


@BOTH
def test_the_log_says_what_was_left_out(node, model, call, caplog):
    caplog.set_level(logging.INFO, "easel.models")

    sampled(cached(call, node, model, 1e6, 0.0, 1.0, verbose=True))

    assert f"{node} left out {STEPS - 2} of {STEPS} evaluations." in caplog.messages
    assert sum(text.endswith("computed.") for text in caplog.messages) == 2
