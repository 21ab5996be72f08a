"""Stop inside one call of a network."""

import pytest
import torch

from app.engine.diffusion.run import sample_latent
from app.engine.models.stopping import blocks_of, stop_between_blocks


class StoppedError(Exception):
    pass


def test_stop_is_asked_between_the_blocks_of_a_step_and_never_afterwards(tiny):
    asked = []

    def check():
        asked.append(True)

    prompt = [[torch.zeros(1, 77, 768), {}]]
    latent = {"samples": torch.zeros(1, 4, 8, 8)}

    def run():
        return sample_latent(
            tiny.model, 1, 1, 1.0, "euler", "normal", prompt, prompt, latent, check=check
        )

    run()
    blocks = len(blocks_of(tiny.model.model))
    assert blocks > 6
    assert len(asked) == 1 + blocks

    asked.clear()
    tiny.model.model.diffusion_model(
        torch.zeros(1, 4, 8, 8), torch.zeros(1), context=torch.zeros(1, 77, 768)
    )
    assert asked == []


def test_a_run_that_was_stopped_inside_a_step_gives_the_same_picture_again(tiny):
    prompt = [[torch.zeros(1, 77, 768), {}]]
    latent = {"samples": torch.zeros(1, 4, 8, 8)}
    left = [5]

    def stop_at_the_fifth():
        left[0] -= 1
        if left[0] == 0:
            raise StoppedError

    def run(check=None):
        return sample_latent(
            tiny.model, 1, 2, 2.0, "euler", "normal", prompt, prompt, latent, check=check
        )["samples"]

    before = run()
    with pytest.raises(StoppedError):
        run(stop_at_the_fifth)

    assert torch.equal(run(), before)


def test_without_anybody_to_ask_nothing_is_hooked():
    network = torch.nn.Sequential(torch.nn.Sequential(torch.nn.Linear(2, 2)))

    with stop_between_blocks(network, None), stop_between_blocks(object(), lambda: None):
        assert not network[0]._forward_pre_hooks
    with stop_between_blocks(network, lambda: None):
        assert network[0]._forward_pre_hooks
    assert not network[0]._forward_pre_hooks
