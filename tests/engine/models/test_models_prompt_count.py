"""U-245: the length of a prompt, for the prompt editor."""

import struct
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from app.engine.models.prompt_count import count_prompt, embedding_length
from app.engine.models.prompt_encoder import EncoderKind, PromptEncoder, encoder_of
from app.engine.models.starter_prompt import StarterTokenizer
from app.engine.models.starter_words import PREFIX, VOCABULARY, StarterWords, read_words
from app.engine.models.tokenizer import PromptTokenizer


@pytest.mark.parametrize(
    ("text", "tokens", "rows"),
    [
        ("", 0, 1),
        ("a photo of a cat", 5, 1),
        ("(a photo of a cat:1.3)", 5, 1),
        (" ".join(["cat"] * 75), 75, 1),
        (" ".join(["cat"] * 76), 76, 2),
    ],
)
def test_u245_a_prompt_is_counted_without_start_end_and_padding(text, tokens, rows):
    counted = count_prompt(text)

    assert (counted.tokens, counted.rows, counted.room) == (tokens, rows, rows * 75)


def test_u245_the_count_is_that_of_the_encoder_itself():
    text = "masterpiece, ((best quality)), portrait of a woman, [soft light], 8k"

    assert count_prompt(text).tokens == PromptTokenizer().count(text)[0]


def test_u245_an_embedding_counts_as_many_tokens_as_it_has_rows(tmp_path, caplog):
    path = tmp_path / "nice.safetensors"
    save_file({"emb_params": torch.zeros(3, 768)}, path)
    known = {"nice.safetensors": str(path)}

    assert count_prompt("cat embedding:nice", known).tokens == 4
    assert count_prompt("cat embedding:ni", known).tokens == 1
    assert embedding_length(str(tmp_path / "gone.safetensors")) == 1
    assert not [record for record in caplog.records if "nice" in record.message]


def write_starter(path, words, **changes):
    tensor = torch.tensor(list("\n".join(["", *words]).encode()), dtype=torch.uint8)
    tensors = {PREFIX + VOCABULARY: tensor, "patch_in.weight": torch.zeros(2)}
    save_file({**tensors, **changes}, path)
    return str(path)


def test_the_vocabulary_is_read_out_of_a_checkpoint_and_again_when_the_file_changes(tmp_path):
    path = write_starter(tmp_path / "a.safetensors", ["cat", "über"])
    assert read_words(path).words == ("", "cat", "über")

    write_starter(tmp_path / "a.safetensors", ["cat", "dog", "owl"])
    assert read_words(path).words == ("", "cat", "dog", "owl")


def test_what_is_no_starter_model_or_damaged_has_no_vocabulary(tmp_path):
    other = tmp_path / "other.safetensors"
    save_file({"model.weight": torch.zeros(3)}, other)
    path = write_starter(tmp_path / "a.safetensors", ["cat"])
    whole = Path(path).read_bytes()
    endless = b'{"cond_stage_model.starter.vocabulary": {"data_offsets": [0, 1e400]}}'
    damaged = {
        "cut": whole[:-12], "short": whole[:5], "empty": b"",
        "header": whole[:8] + b"}" + whole[9:],
        "long": struct.pack("<Q", 2**62) + whole[8:],
        "offsets": whole.replace(b'"data_offsets":[', b'"data_offsets":{', 1),
        "endless": struct.pack("<Q", len(endless)) + endless,
        "letters": whole[:-1] + b"\xff",
    }  # fmt: skip
    for name, content in damaged.items():
        (tmp_path / name).write_bytes(content)

    assert read_words(path) is not None
    for name in ("other.safetensors", "missing", *damaged):
        assert read_words(str(tmp_path / name)) is None, name


def test_the_starter_model_counts_as_its_own_tokenizer_does():
    words = ["red", "cat", "castle", "3d"]
    tokenizer, counter = StarterTokenizer(["", *words]), StarterWords(["", *words])
    for text in ("", "a red cat", "(red:1.2) cats, [castle] zzz 3d", "cat " * 25):
        assert counter.count(text) == tokenizer.count(text)


@pytest.mark.parametrize(
    ("text", "caret", "unknown"),
    [
        ("red castel", None, {"castel": "castle"}),
        ("a red qzx and qzx", None, {"qzx": ""}),
        ("(castel:1.25) (red:1.2)", None, {"castel": "castle"}),
        ("red cas", None, {"cas": ""}),
        ("red cas", 7, {}),
        ("red cas", 5, {"cas": ""}),
        ("cas red", 3, {}),
        ("(red:1.", 7, {}),
        ("Cats", None, {}),
    ],
)
def test_u245_unknown_words_are_found_but_not_the_one_that_is_begun(text, caret, unknown):
    counter = StarterWords(["", "red", "cat", "castle", "3d"])

    assert {item.word: item.near for item in counter.unknown_of(text, caret)} == unknown


def test_of_very_many_unknown_words_only_the_first_are_compared():
    counter = StarterWords(["", "castle"])
    words = [f"castel{number}" for number in range(500)]

    found = counter.unknown_of(" ".join(words))

    assert [item.word for item in found] == words
    assert found[0].near == "castle"
    assert found[-1].near == ""


def load(kind, **inputs):
    return {"class_type": kind, "inputs": inputs}


@pytest.mark.parametrize(
    ("loader", "kind"),
    [
        (load("CheckpointLoaderSimple", ckpt_name="starter"), EncoderKind.STARTER),
        (load("LoaderOfAPack", ckpt_name="starter", vae="x"), EncoderKind.STARTER),
        (load("CheckpointLoaderSimple", ckpt_name="gone"), EncoderKind.CLIP),
        (load("CheckpointLoaderSimple", ckpt_name=["7", 0]), EncoderKind.CLIP),
        (load("DualCLIPLoader", clip_name1="a", clip_name2="b", type="flux"), EncoderKind.T5),
        (load("DualCLIPLoader", clip_name1="a", clip_name2="b", type="sdxl"), EncoderKind.CLIP),
        (load("DualCLIPLoader", clip_name1="a", clip_name2="b", type=["7", 0]), EncoderKind.CLIP),
    ],
)
def test_u245_the_encoder_is_found_up_the_links(tmp_path, loader, kind):
    starter = write_starter(tmp_path / "starter.safetensors", ["cat"])
    prompt = {
        "1": loader,
        "2": load("LoraLoader", clip=["1", 1], lora_name="x"),
        "3": load("CLIPMergeSimple", clip1=["2", 1], clip2=["9", 0]),
        "4": load("CLIPTextEncode", clip=["3", 0], text="cat"),
    }
    find = {("checkpoints", "starter"): starter}

    assert encoder_of(prompt, "4", lambda *asked: find.get(asked)).kind is kind


def test_a_circle_and_loose_ends_are_no_encoder():
    circle = {"1": load("A", clip=["2", 0]), "2": load("B", clip=["1", 0])}
    loose = {"1": load("CLIPTextEncode", text="x", ckpt_name="own")}

    for prompt in (circle, loose, {}, {"1": load("A", clip=["9", 0])}):
        assert encoder_of(prompt, "1", lambda *asked: None) == PromptEncoder()


def test_u245_t5_counts_pieces_in_one_row_without_end():
    counted = count_prompt("the cat " * 200, encoder=PromptEncoder(EncoderKind.T5))

    assert (counted.tokens, counted.rows, counted.room) == (400, 1, None)


def test_counting_loads_no_torch():
    code = (
        "import sys; from app.engine.models.prompt_count import count_prompt; "
        "assert count_prompt('a cat').tokens == 2; sys.exit('torch' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
