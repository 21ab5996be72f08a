"""U-244, U-245: the window counts prompts, names unknown words, and suggests what may follow."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest
from PySide6.QtCore import QObject

from app.engine.model_folders import SHIPPED_CHECKPOINTS
from app.engine.models.prompt_count import count_prompt
from app.engine.node_types.definition import NodeDefinition
from app.engine.workflow.reader import read_workflow
from app.ui.document import WorkflowDocument
from app.ui.prompt_help import PromptHelp, note_of
from app.widgets.text_note import TextNote

STARTER = "easel_starter.safetensors"


class Work:
    """Stands for the window's background: runs what it is given at once."""

    def run(self, work):
        asyncio.run(work)


def definition(name, required, outputs=()):
    info = {
        "input": {"required": required}, "output": list(outputs), "output_name": list(outputs),
        "output_is_list": [False] * len(outputs), "name": name, "display_name": name,
        "description": "", "category": "test",
    }  # fmt: skip
    return NodeDefinition.from_object_info(name, info)


TEXT = ["STRING", {"multiline": True, "dynamicPrompts": True}]
DEFINITIONS = {
    "LoraLoader": definition(
        "LoraLoader",
        {
            "model": ["MODEL", {}], "clip": ["CLIP", {}],
            "lora_name": [["styles/ink_v2.safetensors"], {}],
        },
        ["MODEL", "CLIP"],
    ),
    "CheckpointLoaderSimple": definition(
        "CheckpointLoaderSimple",
        {"ckpt_name": [[STARTER, "other.safetensors"], {}]},
        ["MODEL", "CLIP", "VAE"],
    ),
    "DualCLIPLoader": definition(
        "DualCLIPLoader",
        {"clip_name1": [["a"], {}], "clip_name2": [["b"], {}], "type": [["sdxl", "flux"], {}]},
        ["CLIP"],
    ),
    "CLIPTextEncode": definition(
        "CLIPTextEncode", {"text": TEXT, "clip": ["CLIP", {}]}, ["CONDITIONING"]
    ),
}  # fmt: skip


class Window(QObject):
    def __init__(self):
        super().__init__()
        self.background = Work()
        self.definitions = DEFINITIONS


@pytest.fixture
def window(qapp):
    return Window()


@pytest.fixture
def prompt_help(window):
    helper = PromptHelp(window, lambda kind, name: f"{SHIPPED_CHECKPOINTS}/{name}")
    helper.take_embeddings({"easynegative.safetensors": "/nowhere/easynegative.safetensors"})
    return helper


def node(key, kind, values=(), inputs=(), outputs=()):
    return {
        "id": key, "type": kind, "pos": [0, 0], "size": [200, 100], "flags": {}, "mode": 0,
        "inputs": [{"name": n, "type": t, "link": link} for n, t, link in inputs],
        "outputs": [{"name": t, "type": t, "links": list(links)} for t, links in outputs],
        "properties": {}, "widgets_values": list(values),
    }  # fmt: skip


def encode(key, link):
    return node(key, "CLIPTextEncode", ["red"], [("clip", "CLIP", link)], [("CONDITIONING", [])])


def loader(name, links):
    outputs = [("MODEL", []), ("CLIP", links), ("VAE", [])]
    return node(1, "CheckpointLoaderSimple", [name], outputs=outputs)


def lora(link, links):
    inputs = [("model", "MODEL", None), ("clip", "CLIP", link)]
    outputs = [("MODEL", []), ("CLIP", links)]
    return node(2, "LoraLoader", ["styles/ink_v2.safetensors"], inputs, outputs)


def reroute(link, links):
    return node(3, "Reroute", (), [("", "*", link)], [("CLIP", links)])


def document(nodes, links, **more):
    raw = {"nodes": nodes, "links": links, "groups": [], "version": 0.4, **more}
    return WorkflowDocument(read_workflow(json.dumps(raw)), DEFINITIONS)


def direct(name=STARTER):
    return document([loader(name, [1]), encode(9, 1)], [[1, 1, 1, 9, 0, "CLIP"]])


def with_subgraph():
    inner = {
        "id": "0b3f6b52-6b2b-4dbe-9d4c-4c6a3e6f1a11", "name": "Prompt", "version": 1,
        "inputNode": {"id": -10, "bounding": [0, 0, 120, 60]},
        "outputNode": {"id": -20, "bounding": [500, 0, 120, 60]},
        "inputs": [
            {"id": "a", "name": "clip", "type": "CLIP", "linkIds": [5]},
            {"id": "c", "name": "text", "type": "STRING", "linkIds": [7]},
        ],
        "outputs": [{"id": "b", "name": "out", "type": "CONDITIONING", "linkIds": [6]}],
        "widgets": [], "groups": [], "nodes": [encode(9, 5)],
        "links": [
            {"id": 5, "origin_id": -10, "origin_slot": 0, "target_id": 9, "target_slot": 0,
             "type": "CLIP"},
            {"id": 6, "origin_id": 9, "origin_slot": 0, "target_id": -20, "target_slot": 0,
             "type": "CONDITIONING"},
            {"id": 7, "origin_id": -10, "origin_slot": 1, "target_id": 9, "target_slot": 1,
             "type": "STRING"},
        ],
    }  # fmt: skip
    text = {"name": "text", "type": "STRING", "widget": {"name": "text"}}
    inner["nodes"][0]["inputs"].append({**text, "link": 7})
    host = node(4, inner["id"], ["red"], [("clip", "CLIP", 1)], [("CONDITIONING", [])])
    host["inputs"].append({**text, "link": None})
    return document(
        [loader(STARTER, [1]), host], [[1, 1, 1, 4, 0, "CLIP"]], definitions={"subgraphs": [inner]}
    )


def inside_a_subgraph():
    made = with_subgraph()
    assert made.enter("4")
    return made


def noted(prompt_help, made, text, caret=None):
    told = []
    aid = prompt_help.aid_for(made, "9", "text")
    aid.count(text, len(text) if caret is None else caret, told.append)
    (note,) = told
    return note, aid


def names(found):
    return [match.item.name for match in found.matches]


def test_u244_embeddings_and_loras_are_suggested(prompt_help):
    assert names(prompt_help.complete("a cat, easyn", 12)) == ["embedding:easynegative"]
    assert names(prompt_help.complete("ink", 3)) == ["styles/ink_v2"]
    assert prompt_help.complete("nothing of the kind", 19) is None


def test_u244_new_files_are_suggested_at_once(prompt_help, window):
    assert prompt_help.complete("glow", 4) is None

    prompt_help.take_embeddings({"glow.pt": "/nowhere/glow.pt"})

    assert names(prompt_help.complete("glow", 4)) == ["embedding:glow"]


def test_u245_a_prompt_of_an_unknown_encoder_is_counted_as_clip_does(prompt_help):
    for made in (direct("other.safetensors"), document([encode(9, None)], [])):
        assert noted(prompt_help, made, "a photo of a cat")[0] == TextNote("5 / 75 tokens")
    assert note_of(count_prompt(" ".join(["cat"] * 80))).words == "80 / 150 tokens"


WAYS = {
    "linked": direct,
    "through a lora and a reroute": lambda: document(
        [loader(STARTER, [1]), lora(1, [2]), reroute(2, [3]), encode(9, 3)],
        [[1, 1, 1, 2, 1, "CLIP"], [2, 2, 1, 3, 0, "CLIP"], [3, 3, 0, 9, 0, "CLIP"]],
    ),
    "from outside a subgraph": inside_a_subgraph,
}


@pytest.mark.parametrize("way", WAYS)
def test_u245_prompts_of_the_starter_model_are_counted_in_words(prompt_help, way):
    note, _ = noted(prompt_help, WAYS[way](), "a red apple, (flat:1.2)")

    assert note == TextNote("4 of 12 words")


def test_u245_a_prompt_that_a_subgraph_shows_outside_is_counted_as_inside(prompt_help):
    made, told = with_subgraph(), []
    assert made.bound.nodes["4"].widget("text").source is not None

    prompt_help.aid_for(made, "4", "text").count("red apple", 9, told.append)

    assert told == [TextNote("2 of 12 words")]


def test_u245_a_second_row_begins_after_twelve_words(prompt_help):
    assert noted(prompt_help, direct(), " ".join(["cat"] * 12))[0].words == "12 of 12 words"
    assert noted(prompt_help, direct(), " ".join(["cat"] * 13))[0].words == "13 of 24 words"


def test_u245_flux_is_counted_by_t5_which_has_no_end(prompt_help):
    pair = node(1, "DualCLIPLoader", ["a", "b", "flux"], outputs=[("CLIP", [1])])
    made = document([pair, encode(9, 1)], [[1, 1, 0, 9, 0, "CLIP"]])

    assert noted(prompt_help, made, "red")[0] == TextNote("1 token")


def test_u245_unknown_words_are_named_with_the_nearest_known_one(prompt_help):
    note, _ = noted(prompt_help, direct(), "red castel and a qzx, 3d")

    assert note.words == "4 of 12 words"
    assert note.warning == 'not known: "castel" (castle?), "qzx"'
    assert note.tip.splitlines() == [
        "The model was not taught these words, and leaves them out:",
        '"castel" (castle?)',
        '"qzx"',
    ]


def test_u245_a_tip_names_ten_unknown_words_and_counts_the_others(prompt_help):
    text = " ".join(f"qz{letter}x" for letter in "abcdefghijklm")
    note, _ = noted(prompt_help, direct(), text + " ")

    assert note.tip.splitlines()[10:] == ['"qzjx"', "and 3 more"]


def test_u245_half_a_word_is_not_called_unknown_until_the_caret_leaves_it(prompt_help):
    assert noted(prompt_help, direct(), "red cas")[0].warning == ""
    assert noted(prompt_help, direct(), "red cas", 2)[0].warning.startswith('not known: "cas"')


def test_u244_the_words_of_the_starter_model_are_suggested(prompt_help):
    _, aid = noted(prompt_help, direct(), "")

    assert "castle" in names(aid.complete("a red cas", 9))
    assert names(aid.complete("a red castel", 12))[0] == "castle"
    assert aid.complete("a red castel", 12).start == 6
    assert aid.complete("a red apples", 12) is None
    assert aid.complete("easyn", 5) is None


def test_u245_another_checkpoint_is_seen_when_files_have_come(window, tmp_path):
    found = {}
    helper = PromptHelp(window, lambda kind, name: found.get((kind, name)))
    told = []
    aid = helper.aid_for(direct(), "9", "text")
    aid.count("red", 3, told.append)

    found["checkpoints", STARTER] = f"{SHIPPED_CHECKPOINTS}/{STARTER}"
    helper.take_embeddings({})
    aid.count("red", 3, told.append)

    assert [note.words for note in told] == ["1 / 75 tokens", "1 of 12 words"]


def test_u245_what_is_typed_while_the_encoder_is_looked_for_is_counted_by_it(window):
    typed, told = threading.Event(), []

    def find_slowly(kind, name):
        typed.wait(5)
        return f"{SHIPPED_CHECKPOINTS}/{STARTER}"

    async def type_on():
        begun = []
        window.background.run = begun.append
        aid = PromptHelp(window, find_slowly).aid_for(direct(), "9", "text")
        aid.count("red", 3, told.append)
        aid.count("red apple", 9, told.append)
        tasks = [asyncio.ensure_future(work) for work in begun]
        await asyncio.wait(tasks, timeout=0.2)
        typed.set()
        await asyncio.gather(*tasks)

    asyncio.run(type_on())

    assert [note.words for note in told] == ["1 of 12 words", "2 of 12 words"]
