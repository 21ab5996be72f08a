"""The starter model that ships, through the same nodes as any other checkpoint."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from app.engine.diffusion.samplers import SAMPLERS
from app.engine.diffusion.schedules import SCHEDULERS

FILE = "easel_starter.safetensors"
RESOURCES = Path(__file__).parents[2] / "resources"
STEPS = 12


@pytest.fixture(scope="module")
def checkpoint(call):
    return call("CheckpointLoaderSimple", ckpt_name=FILE)


@pytest.fixture(scope="module")
def say(call, checkpoint):
    return lambda text: call("CLIPTextEncode", clip=checkpoint[1], text=text)[0]


@pytest.fixture(scope="module")
def draw(call, checkpoint, say):
    """Sample a latent; only what a test is about has to be given."""

    def draw(text="red apple", *, model=None, latent=None, positive=None, **changes: Any):
        given = {
            "seed": 1, "steps": STEPS, "cfg": 3.0, "sampler_name": "euler",
            "scheduler": "simple", "denoise": 1.0,
        } | changes  # fmt: skip
        latent = latent or call("EmptyLatentImage", width=512, height=512, batch_size=1)[0]
        (result,) = call(
            "KSampler", model=model or checkpoint[0], positive=positive or say(text),
            negative=say(""), latent_image=latent, **given,
        )  # fmt: skip
        return result["samples"]

    return draw


def small_latent(batch: int = 1) -> dict[str, Any]:
    return {"samples": torch.zeros(batch, 4, 16, 16)}


def colours(latent: torch.Tensor) -> dict[str, float]:
    """Return the mean of each channel, 0..1, where the first picture is not white."""
    picture = (latent[0].clamp(-1, 1) + 1) / 2
    drawn = picture.min(0).values < 0.75
    means = picture[:, drawn].mean(1).tolist()
    return dict(zip(("red", "green", "blue"), means, strict=True))


def test_the_loader_lists_it_on_a_fresh_install(engine):
    choices = engine.object_info()["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0]

    assert FILE in choices


def test_it_is_small_enough_to_ship_and_says_what_it_is():
    path = RESOURCES / "models" / "checkpoints" / FILE
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))

    everything = sum(p.stat().st_size for p in (RESOURCES / "models").rglob("*") if p.is_file())
    assert everything <= 12_000_000
    assert "MIT" in header["__metadata__"]["modelspec.license"]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_runs_with_every_scheduler(sampler, draw):
    for scheduler in SCHEDULERS:
        result = draw(
            latent=small_latent(), sampler_name=sampler, scheduler=scheduler, steps=3, cfg=2.0
        )
        assert result.shape == (1, 3, 16, 16)
        assert torch.isfinite(result).all(), scheduler
        assert result.std() > 0, scheduler


@pytest.mark.parametrize("sampler", ["euler", "euler_ancestral", "dpmpp_2m", "dpmpp_sde", "uni_pc"])
def test_the_same_seed_gives_the_same_bytes(sampler, draw):
    first = draw(latent=small_latent(), sampler_name=sampler, steps=4)
    again = draw(latent=small_latent(), sampler_name=sampler, steps=4)
    other = draw(latent=small_latent(), sampler_name=sampler, steps=4, seed=2)

    assert first.numpy().tobytes() == again.numpy().tobytes()
    assert not torch.equal(first, other)


def test_a_batch_begins_with_the_picture_of_a_single_run_and_batch_index_finds_the_others(draw):
    both = draw(latent=small_latent(2))
    single = draw(latent=small_latent())
    second = draw(latent={**small_latent(), "batch_index": [1]})

    torch.testing.assert_close(both[:1], single, atol=2e-3, rtol=0)
    torch.testing.assert_close(both[1:], second, atol=2e-3, rtol=0)
    assert (both[0] - both[1]).abs().mean() > 0.002


@pytest.mark.parametrize(("word", "other"), [("red", "blue"), ("blue", "red"), ("green", "red")])
def test_colour_words_colour_the_picture(word, other, draw):
    found = colours(draw(f"{word} balloon"))

    assert found[word] > found[other] + 0.15


def test_half_a_run_keeps_the_colours_of_the_picture_it_starts_from(call, checkpoint, draw):
    apple = draw("red apple", seed=3)
    (picture,) = call("VAEDecode", samples={"samples": apple}, vae=checkpoint[2])
    (latent,) = call("VAEEncode", pixels=picture, vae=checkpoint[2])

    half = draw("red apple", latent=latent, denoise=0.5, seed=9)
    whole = draw("red apple", latent=latent, denoise=1.0, seed=9)

    assert picture.shape == (1, 512, 512, 3)
    assert latent["samples"].shape == (1, 3, 64, 64)
    assert (half - apple).abs().mean() < (whole - apple).abs().mean()


def test_outside_an_inpainting_mask_nothing_changes(call, checkpoint, draw):
    start = draw("red apple", seed=3)
    mask = torch.zeros(1, 512, 512)
    mask[:, :, 256:] = 1.0
    (latent,) = call("SetLatentNoiseMask", samples={"samples": start}, mask=mask)

    result = draw("blue balloon", latent=latent, seed=5)

    torch.testing.assert_close(result[..., :30], start[..., :30], atol=1e-4, rtol=0)
    assert (result[..., 34:] - start[..., 34:]).abs().mean() > 0.05


def test_area_conditioning_draws_each_prompt_in_its_place(call, draw, say):
    (left,) = call(
        "ConditioningSetArea", conditioning=say("red square"), width=512, height=512, x=0, y=0,
        strength=1.0,
    )  # fmt: skip
    (right,) = call(
        "ConditioningSetArea", conditioning=say("blue square"), width=512, height=512, x=512, y=0,
        strength=1.0,
    )  # fmt: skip
    (both,) = call("ConditioningCombine", conditioning_1=left, conditioning_2=right)
    (latent,) = call("EmptyLatentImage", width=1024, height=512, batch_size=1)

    result = draw(positive=both, latent=latent)

    assert colours(result[..., :64])["red"] > colours(result[..., :64])["blue"] + 0.1
    assert colours(result[..., 64:])["blue"] > colours(result[..., 64:])["red"] + 0.1


@pytest.fixture(scope="module")
def loras(base_dir: Path) -> list[str]:
    """Two small random LoRAs for the starter network, saved where the loader looks."""
    folder = base_dir / "models" / "loras"
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for number in (1, 2):
        generator = torch.Generator().manual_seed(number)
        tensors = {}
        for layer, (out, into) in {"mlp_in": (768, 192), "to_out_text": (192, 192)}.items():
            stem = f"diffusion_model.blocks.{number}.{layer}"
            tensors[f"{stem}.lora_A.weight"] = torch.randn(4, into, generator=generator) * 0.2
            tensors[f"{stem}.lora_B.weight"] = torch.randn(out, 4, generator=generator) * 0.2
        names.append(f"starter_{number}.safetensors")
        save_file(tensors, folder / names[-1])
    return names


def test_loras_stack_and_leave_no_trace(call, checkpoint, draw, loras):
    def result(model):
        return draw(model=model, latent=small_latent(), steps=4)

    def load(model, name, strength=1.0):
        return call("LoraLoaderModelOnly", model=model, lora_name=name, strength_model=strength)[0]

    plain = result(checkpoint[0])
    one = result(load(checkpoint[0], loras[0]))
    two = result(load(load(checkpoint[0], loras[0]), loras[1]))

    assert not torch.equal(plain, one)
    assert not torch.equal(one, two)
    assert torch.equal(result(load(checkpoint[0], loras[0], 0.0)), plain)
    assert torch.equal(result(checkpoint[0]), plain)


def test_step_caches_work_around_it(call, checkpoint, draw):
    plain = draw(latent=small_latent(), steps=10)
    for name in ("EasyCache", "LazyCache"):
        (model,) = call(
            name, model=checkpoint[0], reuse_threshold=0.5, start_percent=0.1, end_percent=0.95,
            verbose=False,
        )  # fmt: skip
        cached = draw(model=model, latent=small_latent(), steps=10)
        assert torch.isfinite(cached).all()
        assert not torch.equal(cached, plain), name


def test_weights_in_a_prompt_count(draw):
    plain = draw("red apple", latent=small_latent(), steps=4)
    heavy = draw("red (apple:1.5)", latent=small_latent(), steps=4)

    assert not torch.equal(plain, heavy)


def test_an_unknown_word_is_named_with_the_nearest_that_is_known(say, caplog):
    with caplog.at_level(logging.WARNING, "easel.models"):
        found = say("red aple quux")

    assert torch.equal(found[0][0], say("red")[0][0])
    assert 'does not know the word "aple"; it is left out. Did you mean "maple"?' in caplog.text
    assert 'does not know the word "quux"; it is left out.' in caplog.text


def test_plural_and_capitals_make_no_difference(say):
    assert torch.equal(say("Red Apples")[0][0], say("red apple")[0][0])


def test_a_prompt_longer_than_a_row_takes_another(say):
    short, long = say("red apple")[0][0], say("red apple " * 7)[0][0]

    assert long.shape[1] == 2 * short.shape[1]


def test_the_default_workflow_draws_what_its_prompt_says(engine, base_dir):
    from app.engine.node_types.definition import NodeDefinition
    from app.engine.workflow.reader import open_workflow
    from app.engine.workflow.to_prompt import convert

    known = {k: NodeDefinition.from_object_info(k, v) for k, v in engine.object_info().items()}
    path = RESOURCES / "default_workflow.json"
    prompt = convert(open_workflow(path, definitions=known), known).prompt

    result = engine.run(prompt)

    assert result.error is None
    saved = next(image for ui in result.outputs.values() for image in (ui or {}).get("images", ()))
    picture = np.asarray(
        Image.open(base_dir / "output" / saved["subfolder"] / saved["filename"]), np.float32
    )
    assert picture.shape == (512, 512, 3)
    assert (picture[:24, :24] > 220).all()
    red, green, blue = picture[200:360, 160:352].mean((0, 1))
    assert red > green + 60
    assert red > blue + 60
