"""T5: tokens as its own tokenizer makes them, numbers as transformers, and Flux and SD3 prompts."""

import gzip
import json

import pytest
import torch
import transformer_models as small
from random_models import gaussian

from app.engine.errors import ModelFileError
from app.engine.models import memory, text_encoder_files
from app.engine.models.ops import empty, fill
from app.engine.models.t5 import T5Encoder, distance_buckets, is_t5, t5_tensors
from app.engine.models.t5_tokenizer import T5PromptTokenizer, T5Rules
from app.engine.models.text_encoder_files import encoder_tensors, layout_for, make_clip
from app.engine.models.text_encoding import FLUX_TEXT, SD1_TEXT, SD3_TEXT, SDXL_TEXT
from app.engine.models.unet import shapes_of
from app.engine.models.unigram import T5_VOCABULARY_FILE, UnigramVocabulary, t5_vocabulary

RECORDED = small.recorded()
TOKENS = json.loads((small.DATA / "tokens.json").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.no_grad():
        yield


@pytest.fixture(scope="module", autouse=True)
def _unloaded():
    yield
    memory.unload_all_models()


@pytest.mark.parametrize(("text", "ids"), TOKENS, ids=[repr(text)[:30] for text, _ in TOKENS])
def test_d159_a_text_becomes_the_tokens_of_t5(text, ids):
    assert [*t5_vocabulary().encode(text), t5_vocabulary().end_token] == ids


@pytest.mark.parametrize("content", [b"", b"\x0a\xff", b"nonsense", b"\x80" * 20])
def test_a_damaged_vocabulary_is_refused(content):
    with pytest.raises(ModelFileError, match="vocabulary of the T5 text encoder"):
        UnigramVocabulary(content)


def rows(text, **options):
    (row,) = T5PromptTokenizer(T5Rules(8)).tokenize(text, **options)
    return row


def test_d159_a_row_ends_with_the_end_token_and_is_padded_to_the_shortest_length():
    assert rows("cat") == [(1712, 1.0), (1, 1.0), *[(0, 1.0)] * 6]
    assert rows("") == [(1, 1.0), *[(0, 1.0)] * 7]


def test_d159_a_long_prompt_is_one_long_row():
    row = rows("cat " * 300)

    assert len(row) == 301
    assert row[-1] == (1, 1.0)


def test_d150_weights_reach_the_tokens():
    words = rows("a (cat:1.5)", return_word_ids=True)

    assert words[:4] == [(3, 1.0, 1), (9, 1.0, 1), (1712, 1.5, 2), (1, 1.0, 0)]


def test_a_node_may_ask_for_more_padding():
    assert len(rows("cat", tokenizer_options={"t5xxl_min_length": 20})) == 20
    assert len(rows("cat", tokenizer_options={"t5xxl_min_padding": 9})) == 11


@pytest.mark.parametrize(("case", "gated"), [("t5_gated", True), ("t5_first", False)])
def test_the_encoder_gives_the_numbers_of_transformers(case, gated):
    tensors = small.fill(small.t5_shapes(gated))
    network = empty(lambda: T5Encoder(shapes_of(tensors)))
    fill(network, tensors, "text encoder")
    ids = small.token_ids()

    found = network(network.shared.rows(ids, torch.float32))

    torch.testing.assert_close(found[:, ::6], RECORDED[case], atol=2e-4, rtol=2e-4)


def test_distances_share_a_number_beyond_128_tokens():
    far = distance_buckets(torch.tensor([-500, -128, -127, 0, 1, 127, 128, 500]), 32)

    assert far.tolist() == [15, 15, 15, 0, 17, 31, 31, 31]


def test_names_with_the_prefix_of_a_checkpoint_and_a_decoder_are_understood():
    tensors = small.fill(small.t5_shapes())
    table = tensors.pop("shared.weight")
    named = {f"text_encoders.t5xxl.transformer.{name}": one for name, one in tensors.items()}
    named["text_encoders.t5xxl.transformer.encoder.embed_tokens.weight"] = table
    named["text_encoders.t5xxl.transformer.decoder.block.0.layer.0.layer_norm.weight"] = table

    assert is_t5(named)
    found = t5_tensors(named)

    assert set(found) == set(small.t5_shapes())
    assert found["shared.weight"] is table


WORDS, WIDTH = 32128, 96


@pytest.fixture(scope="module")
def t5():
    return small.fill(small.t5_shapes(words=WORDS, width=WIDTH))


@pytest.fixture(scope="module")
def clip_l():
    return small.fill(small.clip_shapes())


def test_d159_flux_takes_the_text_of_t5_and_the_summary_of_clip(t5, clip_l):
    clip = make_clip(FLUX_TEXT, {"t5xxl": t5, "l": clip_l})
    alone = make_clip(SD1_TEXT, {"l": clip_l})

    cond, pooled = clip.encode_from_tokens(clip.tokenize("a red apple"), return_pooled=True)

    assert cond.shape == (1, 256, WIDTH)
    _, expected = alone.encode_from_tokens(alone.tokenize("a red apple"), return_pooled=True)
    assert torch.equal(pooled, expected)
    assert clip.count_tokens("a red apple") == (4, 1)


def test_d154_weights_of_words_change_the_text_of_t5_only_there(t5, clip_l):
    clip = make_clip(FLUX_TEXT, {"t5xxl": t5, "l": clip_l})

    plain = clip.encode("a red apple")
    heavy = clip.encode("a (red:1.5) apple")

    changed = (plain - heavy).abs().amax(dim=-1)[0]
    place = clip.tokenize("a red apple")["t5xxl"][0].index((1131, 1.0))
    assert changed[place] > 0.01
    assert changed.argmax() == place


def wide_t5():
    """Return a T5 as wide as T5-XXL with a vocabulary of three words in its file."""
    content = small.vocabulary("\u2581a", "\u2581red", "\u2581apple")
    carried = torch.frombuffer(bytearray(content), dtype=torch.uint8)
    return {**small.fill(small.t5_shapes(words=6, width=4096)), "spiece_model": carried}


def test_d159_sd3_lays_the_clips_side_by_side_and_t5_behind_them(clip_l):
    both = make_clip(SD3_TEXT.reduced(["l", "t5xxl"]), {"l": clip_l, "t5xxl": wide_t5()})
    only = make_clip(SD3_TEXT.reduced(["l"]), {"l": clip_l})

    tokens = both.tokenize("a red apple")
    cond, pooled = both.encode_from_tokens(tokens, return_pooled=True)
    clips, _ = only.encode_from_tokens(only.tokenize("a red apple"), return_pooled=True)

    assert [token for token, _ in tokens["t5xxl"][0][:5]] == [3, 4, 5, 1, 0]
    assert cond.shape == (1, 154, 4096)
    assert pooled.shape == (1, 2048)
    assert pooled[:, 768:].abs().max() == 0, "CLIP-G is missing: zeros stand for it"
    assert torch.equal(cond[:, :77], clips)
    assert clips[..., 768:].abs().max() == 0
    assert cond[:, 77:].abs().amax(dim=-1).min() > 0


def test_d159_sd3_takes_the_same_layers_of_both_clips_as_sdxl(clip_l):
    clip_g = {
        name: torch.rand(1).expand(shape)
        if "token_embedding" in name
        else small.weight(name, shape)
        for name, shape in small.clip_shapes(width=1280).items()
    }
    prompt = "a (red:1.3) apple"
    sdxl = make_clip(SDXL_TEXT, {"l": clip_l, "g": clip_g})
    sd3 = make_clip(SD3_TEXT.reduced(["l", "g"]), {"l": clip_l, "g": clip_g})

    cond, pooled = sd3.encode_from_tokens(sd3.tokenize(prompt), return_pooled=True)
    expected, summary = sdxl.encode_from_tokens(sdxl.tokenize(prompt), return_pooled=True)

    assert torch.equal(cond[..., :2048], expected)
    assert cond[..., 2048:].abs().max() == 0
    assert torch.equal(pooled[:, 768:], summary)
    assert pooled[:, :768].abs().max() > 0


def test_d159_encoders_without_rows_are_left_out(clip_l):
    both = make_clip(SD3_TEXT.reduced(["l", "t5xxl"]), {"l": clip_l, "t5xxl": wide_t5()})
    tokens = both.tokenize("a red apple")

    text, pooled = both.encode_from_tokens({**tokens, "l": []}, return_pooled=True)
    clips, _ = both.encode_from_tokens({**tokens, "t5xxl": []}, return_pooled=True)
    only = make_clip(SD3_TEXT.reduced(["l"]), {"l": clip_l})
    nothing, none = only.encode_from_tokens({"l": []}, return_pooled=True)

    assert text.shape == (1, 77, 4096)
    assert pooled.abs().max() == 0
    assert clips.shape == (1, 78, 4096), "T5 keeps one end token"
    assert nothing.shape == (1, 77, 4096)
    assert nothing.abs().max() == none.abs().max() == 0


def test_d156_bfloat16_weights_of_t5_keep_their_range(t5, clip_l):
    tiny = torch.full((WORDS, WIDTH), 1e-30).to(torch.bfloat16)
    narrow = {name: one.to(torch.bfloat16) for name, one in t5.items()}
    clip = make_clip(FLUX_TEXT, {"t5xxl": {**narrow, "shared.weight": tiny}, "l": clip_l})

    clip.load_model()

    table = clip.cond_stage_model.t5xxl.transformer.shared.weight
    assert table.min() > 0
    rounded = clip.cond_stage_model.clip_l.transformer.text_model.final_layer_norm.weight
    assert torch.equal(rounded, rounded.half().float())


def test_eight_bit_weights_of_t5_are_read_with_their_factors(t5, clip_l):
    name = "encoder.block.1.layer.1.DenseReluDense.wo.weight"
    stored = {
        **t5,
        name: (t5[name] * 64).to(torch.float8_e4m3fn),
        name.removesuffix("weight") + "scale_weight": torch.tensor(1 / 64),
        "scaled_fp8": torch.zeros(0).to(torch.float8_e4m3fn),
    }
    meant = {**t5, name: stored[name].float() / 64}

    found = make_clip(FLUX_TEXT, {"t5xxl": stored, "l": clip_l}).encode("cat")

    expected = make_clip(FLUX_TEXT, {"t5xxl": meant, "l": clip_l}).encode("cat")
    torch.testing.assert_close(found, expected, atol=2e-3, rtol=2e-3)


def test_a_large_encoder_is_read_layer_by_layer_with_the_same_result(t5, clip_l, monkeypatch):
    expected = make_clip(FLUX_TEXT, {"t5xxl": t5, "l": clip_l}).encode("a (red:1.2) apple")
    monkeypatch.setattr(text_encoder_files, "LARGE_BYTES", 0)
    monkeypatch.setattr(text_encoder_files, "RESIDENT_BYTES", 20_000_000)
    clip = make_clip(FLUX_TEXT, {"t5xxl": t5, "l": clip_l}).clone()

    for _ in range(2):
        assert torch.equal(clip.encode("a (red:1.2) apple"), expected)
        assert 0 < clip.patcher.loaded_size() <= 20_000_000
        assert clip.patcher.lowvram_patch_counter() > 0


def test_a_vocabulary_in_the_file_is_used(t5, clip_l):
    content = gzip.decompress(T5_VOCABULARY_FILE.read_bytes())
    renamed = content.replace("\u2581cat".encode(), "\u2581qzx".encode())
    carried = torch.frombuffer(bytearray(renamed), dtype=torch.uint8)
    clip = make_clip(FLUX_TEXT, {"t5xxl": {**t5, "spiece_model": carried}, "l": clip_l})

    assert clip.tokenize("qzx")["t5xxl"][0][0] == (1712, 1.0)


def test_another_vocabulary_than_the_files_is_refused(clip_l):
    foreign = small.fill(small.t5_shapes(words=500, width=8))

    with pytest.raises(ModelFileError, match="vocabulary of its own with 500 words"):
        make_clip(FLUX_TEXT, {"t5xxl": foreign, "l": clip_l})


def test_d190_a_lora_for_t5_counts_the_clips_before_it(t5, clip_l):
    from app.engine.models.loading import apply_lora

    clip = make_clip(FLUX_TEXT, {"t5xxl": t5, "l": clip_l})
    layer = "encoder.block.0.layer.0.SelfAttention.q"
    up, down = gaussian("up", (128, 2)), gaussian("down", (2, WIDTH))
    flat = "lora_te2_" + layer.replace(".", "_")

    _, patched = apply_lora(
        None, clip, {flat + ".lora_up.weight": up, flat + ".lora_down.weight": down}, 0.0, 1.0
    )

    found = patched.get_sd()[f"t5xxl.transformer.{layer}.weight"]
    torch.testing.assert_close(found, t5[layer + ".weight"] + up @ down)


def test_d161_files_are_known_by_their_tensors(t5, clip_l):
    assert encoder_tensors(t5)[0] == "t5xxl"
    assert encoder_tensors(clip_l)[0] == "l"


def kinds(*keys):
    return dict.fromkeys(keys)


def test_the_type_of_the_loader_decides_where_files_leave_a_choice():
    assert layout_for(kinds("l", "g"), "sdxl", "") is SDXL_TEXT
    assert layout_for(kinds("l"), "stable_diffusion", "") is SD1_TEXT
    assert layout_for(kinds("l", "t5xxl"), "flux", "") is FLUX_TEXT
    assert set(layout_for(kinds("l", "g"), "sd3", "").rules) == {"l", "g"}
    assert set(layout_for(kinds("t5xxl", "g", "l"), "sd3", "").rules) == {"l", "g", "t5xxl"}


@pytest.mark.parametrize(
    ("keys", "clip_type", "words"),
    [
        (("l", "g"), "flux", "Flux needs one CLIP-L and one T5 .* CLIP-G and CLIP-L: a, b"),
        (("l", "t5xxl"), "sdxl", "Choose flux or sd3 as the type"),
        (("t5xxl",), "mochi", "text encoders of Mochi are not supported yet"),
        (("l", "h"), "sdxl", "do not go together: a, b"),
    ],
)
def test_files_that_do_not_go_together_are_refused_in_words(keys, clip_type, words):
    with pytest.raises(ModelFileError, match=words):
        layout_for(kinds(*keys), clip_type, "a, b")
