import math

import pytest
import torch
from random_models import Recording, embedding_rows

from app.engine.models.embeddings import load_embedding
from app.engine.models.tokenizer import (
    END_TOKEN,
    MultiTokenizer,
    PromptTokenizer,
    RowRules,
    clip_vocabulary,
    parse_weights,
)

TOKENS = Recording("tokens")
PARSED = [case for case in TOKENS.cases if case.startswith("weights/")]
TOKENIZED = [case for case in TOKENS.cases if not case.startswith("weights/")]
ENCODERS = {
    "sd1": {"l": (768, "clip_l", END_TOKEN)},
    "sd2": {"h": (1024, "clip_h", 0)},
    "sdxl": {"g": (1280, "clip_g", 0), "l": (768, "clip_l", END_TOKEN)},
}


def number(value):
    return float(value) if isinstance(value, str) else value


def same(actual, expected):
    return math.isclose(actual, expected, abs_tol=1e-9) or (
        math.isnan(actual) and math.isnan(expected)
    )


@pytest.mark.parametrize("case", PARSED)
def test_d150_prompts_split_into_the_recorded_segments(case):
    entry = TOKENS.cases[case]

    segments = parse_weights(entry["params"]["prompt"])

    expected = entry["values"]["segments"]
    assert [text for text, _ in segments] == [text for text, _ in expected]
    for (_, weight), (_, recorded) in zip(segments, expected, strict=True):
        assert same(weight, number(recorded))


def tokenizer_for(kind, folder):
    return MultiTokenizer(
        {
            key: PromptTokenizer(
                RowRules(pad_token=pad),
                lambda name, w=width, k=file_key: load_embedding(name, [folder], w, k),
            )
            for key, (width, file_key, pad) in ENCODERS[kind].items()
        }
    )


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("case", TOKENIZED)
def test_d151_to_d153_prompts_become_the_recorded_rows(case, embedding_folder):
    entry = TOKENS.cases[case]
    params = entry["params"]
    with_ids = params["word_ids"]

    rows = tokenizer_for(params["tokenizer"], embedding_folder).tokenize_with_weights(
        params["prompt"], return_word_ids=with_ids
    )

    expected = entry["values"]["tokens"]
    assert set(rows) == set(expected)
    embeddings = embedding_rows()
    for key, recorded_rows in expected.items():
        assert len(rows[key]) == len(recorded_rows)
        for row, recorded in zip(rows[key], recorded_rows, strict=True):
            head = recorded["head"]
            assert len(row) == recorded["len"]
            full = head + [head[-1]] * (recorded["len"] - len(head))
            for place, wanted in zip(row, full, strict=True):
                if isinstance(wanted[0], dict):
                    rows_of = embeddings[wanted[0]["embedding"]]
                    torch.testing.assert_close(place[0], rows_of[wanted[0]["row"]])
                else:
                    assert place[0] == wanted[0]
                assert same(place[1], number(wanted[1]))
                if with_ids:
                    assert place[2] == wanted[2]


def test_a_count_says_tokens_without_padding_and_rows():
    tokenizer = PromptTokenizer()

    assert tokenizer.count("a photo of a cat") == (5, 1)
    assert tokenizer.count("") == (0, 1)
    assert tokenizer.count("cat " * 80) == (80, 2)


def test_special_tokens_written_out_are_single_tokens():
    assert clip_vocabulary().encode("a <|endoftext|> b") == [320, END_TOKEN, 321]


def test_the_vocabulary_has_49406_pieces_and_no_two_alike():
    assert len(clip_vocabulary()._ids) == 49406


def test_an_unknown_embedding_is_left_out_and_the_rest_stays(caplog):
    rows = PromptTokenizer(load_embedding=lambda name: None).tokenize("embedding:nothing cat")

    assert [place[0] for place in rows[0][:3]] == [49406, 2368, END_TOKEN]
    assert "nothing" in caplog.text
