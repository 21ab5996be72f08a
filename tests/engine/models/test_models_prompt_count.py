"""U-245: the length of a prompt, for the prompt editor."""

import subprocess
import sys

import pytest
import torch
from safetensors.torch import save_file

from app.engine.models.prompt_count import count_prompt, embedding_length
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


def test_counting_loads_no_torch():
    code = (
        "import sys; from app.engine.models.prompt_count import count_prompt; "
        "assert count_prompt('a cat').tokens == 2; sys.exit('torch' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
