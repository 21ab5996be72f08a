import pytest
import torch
from random_models import build, wave_image, wave_latent, wave_text
from safetensors.torch import save_file

from app.engine.models import memory
from app.engine.models.clip_vision import ClipVisionModel, clip_preprocess
from app.engine.models.controlnet import broadcast_image_to, load_controlnet


@pytest.fixture(scope="module")
def net_file(model_folder):
    path = model_folder / "cnet.safetensors"
    save_file(build("cnet_tiny"), path)
    return path


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.no_grad():
        yield


def values(net, model, sigma=3.0, batch=1):
    memory.load_models_gpu([model, *net.get_models()])
    net.pre_run(model.model, model.model.model_sampling.percent_to_sigma)
    try:
        return net.get_control(
            wave_latent((1, 4, 8, 8)).repeat(batch, 1, 1, 1),
            torch.full((batch,), sigma),
            {"c_crossattn": wave_text(1).repeat(batch, 1, 1)},
            batch,
            {},
        )
    finally:
        net.cleanup()


def with_hint(file, strength=1.0, window=(0.0, 1.0)):
    return load_controlnet(file).set_cond_hint(
        wave_image((1, 64, 64, 3)).movedim(-1, 1), strength, window
    )


def test_d204_a_controlnet_gives_one_value_for_each_skip_connection(net_file, tiny):
    control = values(with_hint(net_file), tiny.model)

    assert len(control["output"]) == len(tiny.model.model.diffusion_model.input_blocks)
    assert len(control["middle"]) == 1


def test_d202_strength_scales_what_is_added(net_file, tiny):
    full = values(with_hint(net_file, 1.0), tiny.model)
    half = values(with_hint(net_file, 0.5), tiny.model)

    torch.testing.assert_close(half["middle"][0], full["middle"][0] * 0.5)


def test_d201_outside_its_range_a_net_adds_nothing(net_file, tiny):
    assert values(with_hint(net_file, window=(0.0, 0.2)), tiny.model, sigma=0.1) is None
    assert values(with_hint(net_file, window=(0.0, 0.2)), tiny.model, sigma=14.0) is not None


def test_d202_chained_nets_are_added(net_file, tiny):
    alone = values(with_hint(net_file), tiny.model)
    both = with_hint(net_file).set_previous_controlnet(with_hint(net_file))

    chained = values(both, tiny.model)

    torch.testing.assert_close(chained["output"][0], alone["output"][0] * 2)
    assert len(both.get_models()) == 2


def test_d203_a_net_changes_what_the_unet_predicts(net_file, tiny):
    control = values(with_hint(net_file), tiny.model)
    apply = tiny.model.model.apply_model
    noisy, sigma, text = wave_latent((1, 4, 8, 8)), torch.tensor([3.0]), wave_text(1)

    steered = apply(noisy, sigma, c_crossattn=text, control=control)

    assert not torch.allclose(steered, apply(noisy, sigma, c_crossattn=text))
    assert control["output"] == []


def test_d204_diffusers_names_make_the_same_net(net_file, tiny, model_folder):
    from app.engine.models.lora import diffusers_names

    ours = build("cnet_tiny")
    layers = {own: theirs for theirs, own in diffusers_names(ours).items()}
    hints = {0: "conv_in", 14: "conv_out", **{2 * i + 2: f"blocks.{i}" for i in range(6)}}
    renamed = {}
    for name, tensor in ours.items():
        bare, _, last = name.rpartition(".")
        if bare.startswith("zero_convs."):
            bare = f"controlnet_down_blocks.{bare.split('.')[1]}"
        elif bare.startswith("middle_block_out."):
            bare = "controlnet_mid_block"
        elif bare.startswith("input_hint_block."):
            bare = f"controlnet_cond_embedding.{hints[int(bare.split('.')[1])]}"
        else:
            bare = layers[bare]
        renamed[f"{bare}.{last}"] = tensor
    path = model_folder / "cnet_diffusers.safetensors"
    save_file(renamed, path)

    theirs = values(with_hint(path), tiny.model)

    expected = values(with_hint(net_file), tiny.model)
    torch.testing.assert_close(theirs["middle"][0], expected["middle"][0])


def test_d200_hints_are_fitted_to_a_prompt_and_repeated_for_the_batch():
    hints = torch.arange(3.0).reshape(3, 1)

    assert broadcast_image_to(hints, 4, 2).flatten().tolist() == [0, 1, 0, 1]
    assert broadcast_image_to(hints, 5, 1).flatten().tolist() == [0, 1, 2, 0, 1]
    assert broadcast_image_to(hints[:1], 4, 2).shape == (1, 1)


def test_an_adapter_gives_features_on_the_way_down(model_folder):
    generator = torch.Generator().manual_seed(1)
    shapes = {"conv_in": (8, 192, 3)}
    for index in range(8):
        wider = 8 * 2 ** min(index // 2, 2)
        before = 8 * 2 ** min(max(index - 1, 0) // 2, 2)
        if before != wider:
            shapes[f"body.{index}.in_conv"] = (wider, before, 1)
        shapes[f"body.{index}.block1"] = (wider, wider, 3)
        shapes[f"body.{index}.block2"] = (wider, wider, 1)
    tensors = {}
    for name, (out, channels, size) in shapes.items():
        tensors[f"adapter.{name}.weight"] = torch.randn(
            out, channels, size, size, generator=generator
        )
        tensors[f"adapter.{name}.bias"] = torch.zeros(out)
    path = model_folder / "adapter.safetensors"
    save_file(tensors, path)
    adapter = load_controlnet(path).set_cond_hint(torch.rand(1, 3, 64, 64, generator=generator))

    memory.load_models_gpu(adapter.get_models())
    control = adapter.get_control(torch.zeros(1, 4, 8, 8), torch.ones(1), {}, 1, {})
    adapter.cleanup()

    # The list is taken from its end: nothing for the first two blocks, then the first level.
    taken = [None if value is None else tuple(value.shape[1:]) for value in control["input"][::-1]]
    assert taken[:6] == [None, None, (8, 8, 8), None, None, (16, 4, 4)]
    assert taken[-1] == (32, 1, 1)


def vision_weights():
    generator = torch.Generator().manual_seed(2)
    width, inner = 64, 128
    shapes = {
        "embeddings.class_embedding": (width,),
        "embeddings.patch_embedding.weight": (width, 3, 8, 8),
        "embeddings.position_embedding.weight": (17, width),
    }
    for stem in ("pre_layrnorm", "post_layernorm"):
        shapes[f"{stem}.weight"] = shapes[f"{stem}.bias"] = (width,)
    for layer in range(3):
        stem = f"encoder.layers.{layer}."
        for part in ("layer_norm1", "layer_norm2"):
            shapes[f"{stem}{part}.weight"] = shapes[f"{stem}{part}.bias"] = (width,)
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            shapes[f"{stem}self_attn.{part}.weight"] = (width, width)
            shapes[f"{stem}self_attn.{part}.bias"] = (width,)
        shapes[f"{stem}mlp.fc1.weight"], shapes[f"{stem}mlp.fc1.bias"] = (inner, width), (inner,)
        shapes[f"{stem}mlp.fc2.weight"], shapes[f"{stem}mlp.fc2.bias"] = (width, inner), (width,)
    tensors = {
        f"vision_model.{name}": torch.randn(shape, generator=generator) * 0.1
        for name, shape in shapes.items()
    }
    tensors["visual_projection.weight"] = torch.randn(32, width, generator=generator) * 0.1
    return tensors


def test_a_picture_encoder_is_read_from_its_shapes():
    model = ClipVisionModel(vision_weights())

    output = model.encode_image(wave_image((2, 40, 60, 4)))

    assert model.image_size == 32
    assert output["image_embeds"].shape == (2, 32)
    assert output.penultimate_hidden_states.shape == (2, 17, 64)
    memory.unload_all_models()


def test_a_picture_encoder_without_memory_takes_one_picture_after_the_other():
    model = ClipVisionModel(vision_weights())
    pictures = wave_image((3, 32, 32, 3))
    whole = model.encode_image(pictures)
    sizes = []

    def scarce(module, arguments):
        sizes.append(arguments[0].shape[0])
        if sizes[-1] > 1:
            raise MemoryError

    model.model.register_forward_pre_hook(scarce)
    parts = model.encode_image(pictures)

    assert sizes == [3, 1, 1, 1]
    torch.testing.assert_close(parts.image_embeds, whole.image_embeds)
    torch.testing.assert_close(parts.last_hidden_state, whole.last_hidden_state)
    memory.unload_all_models()


def test_pictures_are_cut_to_the_middle_square_and_normalised():
    picture = torch.zeros(1, 32, 96, 3)
    picture[:, :, 32:64] = 1.0

    pixels = clip_preprocess(picture, size=32)

    assert pixels.shape == (1, 3, 32, 32)
    assert pixels[0, 0].unique().tolist() == pytest.approx([(1 - 0.48145466) / 0.26862954])
