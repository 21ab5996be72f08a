"""U-031: the order in which things are found."""

from __future__ import annotations

import random
import time

import pytest

from app.widgets.fuzzy import (
    ALL_CONTAINED,
    ALL_WORDS,
    CONTAINS,
    EXACT,
    IN_ORDER,
    STARTS,
    WORD,
    SearchItem,
    rank,
    split_words,
)


def names(query, *items):
    ready = [item if isinstance(item, SearchItem) else SearchItem(item) for item in items]
    return [match.item.name for match in rank(query, ready)]


@pytest.mark.parametrize(
    ("query", "name", "kind"),
    [
        ("ksampler", "KSampler", EXACT),
        ("ksamp", "KSampler", STARTS),
        ("latent", "Empty Latent Image", WORD),
        ("sampler", "KSampler", WORD),
        ("ampl", "KSampler", CONTAINS),
        ("image empty", "Empty Latent Image", ALL_WORDS),
        ("lat emp", "Empty Latent Image", ALL_CONTAINED),
        ("eli", "Empty Latent Image", IN_ORDER),
        ("sampler", "SamplerCustom", STARTS),
        ("custom", "SamplerCustom", WORD),
        ("image blur", "ImageBlur", ALL_WORDS),
    ],
)
def test_u031_classes_of_matches(query, name, kind):
    assert rank(query, [SearchItem(name)])[0].kind == kind


@pytest.mark.parametrize("query", ["xyz", "q", "latentt"])
def test_u031_what_does_not_fit_is_left_out(query):
    assert names(query, "Empty Latent Image", "KSampler") == []


def test_u031_order_of_classes():
    assert names(
        "blur",
        "Big Lamp Under Roof",
        "Unblurred",
        "Image Blur",
        "Blur Image",
        "Blur",
    ) == ["Blur", "Blur Image", "Image Blur", "Unblurred", "Big Lamp Under Roof"]


def test_u031_more_used_comes_first_within_a_class():
    often = SearchItem("Blur Something Long", uses=9)

    assert names("blur", "Blur A", often) == ["Blur Something Long", "Blur A"]
    assert names("blur a", "Blur A", often)[0] == "Blur A"


def test_u031_then_the_earlier_match_then_the_shorter_name():
    assert names("lat", "Flat X", "A Flat", "B Flat Roof") == ["Flat X", "A Flat", "B Flat Roof"]


def test_u031_deprecated_go_last():
    old = SearchItem("Blur", is_last=True, uses=100)

    assert names("blur", old, "Unblurred") == ["Unblurred", "Blur"]
    assert names("", old, "Unblurred") == ["Unblurred", "Blur"]


def test_u031_aliases_are_found():
    item = SearchItem("Load Checkpoint", aliases=("CheckpointLoaderSimple", "model"))

    assert names("model", item, "Modelling") == ["Load Checkpoint", "Modelling"]
    assert names("loadersimple", item) == ["Load Checkpoint"]


def test_u031_an_empty_query_shows_all_most_used_first():
    assert names("  ", "A", SearchItem("B", uses=2), "C") == ["B", "A", "C"]


@pytest.mark.parametrize(
    ("query", "name", "letters"),
    [
        ("samp", "KSampler", (1, 2, 3, 4)),
        ("image empty", "Empty Image", (0, 1, 2, 3, 4, 6, 7, 8, 9, 10)),
        ("ksl", "KSampler", (0, 1, 5)),
        ("x", "Load", ()),
    ],
)
def test_u031_matched_letters_are_known_for_highlighting(query, name, letters):
    item = SearchItem(name, aliases=("x",))

    assert rank(query, [item])[0].letters == letters


def test_u031_letters_in_order_do_not_cross_from_one_name_to_the_next():
    assert rank("ab", [SearchItem("a", aliases=("b",))]) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("KSamplerAdvanced", ["k", "sampler", "advanced"]),
        ("VAEDecode", ["vae", "decode"]),
        ("image_to-mask 2x", ["image", "to", "mask", "2", "x"]),
        ("CLIP Text Encode", ["clip", "text", "encode"]),
        ("Über Größe", ["über", "größe"]),
    ],
)
def test_u031_words(text, words):
    assert split_words(text) == words


@pytest.mark.parametrize("query", ["sampler", "ks", "image load", "xqz", "e"])
def test_u030_three_thousand_names_are_ranked_within_5_ms(query):
    dice = random.Random(1)
    parts = ["Image", "Load", "Latent", "Sampler", "Mask", "Encode", "VAE", "CLIP", "Upscale", "K"]
    items = [
        SearchItem(" ".join(dice.choices(parts, k=3)) + f" {n}", aliases=(f"Node{n}Alias",))
        for n in range(3000)
    ]
    rank(query, items)

    took = []
    for _ in range(7):
        start = time.process_time()
        rank(query, items, most=200)
        took.append(time.process_time() - start)

    # 5 ms is the bar on a quiet machine; shared test machines get four times as long.
    assert min(took) < 0.020
