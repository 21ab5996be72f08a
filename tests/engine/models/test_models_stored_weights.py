"""Weights that are used seldom, or by the row, are not copied when a model is loaded."""

import torch
from random_models import wave_image

from app.engine.models import memory
from app.engine.models.vae import VAE
from app.engine.models.weights import read_weights, take_prefix

TABLE = "clip_l.transformer.text_model.embeddings.token_embedding.weight"
ENCODER = "encoder.conv_in.weight"


def encode(clip, text="a cat"):
    cond, pooled = clip.encode_from_tokens(clip.tokenize(text), return_pooled=True)
    return torch.cat([cond.flatten(), pooled.flatten()])


def patched(clip, change):
    """Return a clone whose table of words is changed by ``change``."""
    twin = clip.clone()
    assert twin.add_patches({TABLE: ("diff", (change,))}, 1.0) == [TABLE]
    return twin


def test_the_table_of_words_stays_in_the_file(tiny):
    clip = tiny.clip
    clip.load_model()

    stored = clip.patcher.store.stored[TABLE]
    assert clip.cond_stage_model.get_parameter(TABLE).data_ptr() == stored.data_ptr()
    assert clip.patcher.loaded_size() == clip.patcher.model_size()
    assert clip.patcher.model_size() <= 4 * (
        sum(tensor.numel() for tensor in clip.patcher.store.stored.values()) - stored.numel()
    )
    assert clip.patcher.lowvram_patch_counter() == 0


def test_packs_that_call_the_table_get_rows_as_they_compute(tiny):
    clip = tiny.clip
    clip.load_model()
    ids = torch.tensor([[1, 2, 3]])
    table = clip.cond_stage_model.get_submodule(TABLE.removesuffix(".weight"))

    rows = table(ids)

    assert rows.dtype == torch.float32
    assert torch.equal(rows, clip.patcher.store.computed(TABLE)[ids])
    assert table(ids, out_dtype=torch.bfloat16).dtype == torch.bfloat16


def test_a_table_that_is_patched_is_copied_and_computes_the_same(tiny):
    clip = tiny.clip
    plain = encode(clip)
    shape = clip.patcher.store.stored[TABLE].shape
    same, other = (patched(clip, change) for change in (torch.zeros(shape), torch.ones(shape)))

    copied = encode(same)
    weight = clip.cond_stage_model.get_parameter(TABLE)

    assert weight.dtype == torch.float32
    assert same.patcher.loaded_size() == same.patcher.model_size() + weight.nbytes
    assert torch.equal(copied, plain)
    assert not torch.allclose(encode(other), plain)
    assert torch.equal(encode(clip), plain)


def test_a_patched_table_keeps_its_patch_when_layers_are_streamed(tiny):
    clip = tiny.clip
    change = torch.ones(clip.patcher.store.stored[TABLE].shape)
    other = patched(clip, change)
    expected = encode(other)

    other.patcher.patch_model(lowvram_model_memory=1)

    assert other.patcher.lowvram_patch_counter() > 0
    torch.testing.assert_close(encode(other), expected, atol=1e-5, rtol=1e-5)


def test_d156_rows_of_a_float32_file_are_rounded_like_the_other_weights(tiny):
    store = tiny.clip.patcher.store
    exact = store.stored[TABLE].float()
    expected = encode(tiny.clip)
    tiny.clip.patcher.detach()
    store.replace(TABLE, exact + exact.abs() * 2**-13)

    assert torch.equal(encode(tiny.clip), expected)


def test_a_vae_that_only_decodes_has_no_copy_of_its_encoder(tiny_file):
    tensors = take_prefix(read_weights(tiny_file).tensors, "first_stage_model.")
    vae, full = VAE(tensors, torch.device("cpu")), VAE(tensors, torch.device("cpu"))
    full.patcher.store.seldom = ()
    latent = torch.zeros(1, 4, 8, 8)
    pixels = wave_image((1, 64, 64, 3))

    assert torch.equal(vae.decode(latent), full.decode(latent))
    assert vae.first_stage_model.get_parameter(ENCODER).dtype == torch.float16
    assert full.first_stage_model.get_parameter(ENCODER).dtype == torch.float32
    assert vae.patcher.loaded_size() < full.patcher.loaded_size() * 0.7
    assert torch.equal(vae.encode(pixels), full.encode(pixels))
    assert vae.patcher.lowvram_patch_counter() == 0
    memory.unload_all_models()
