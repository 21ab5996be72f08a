"""V3 node classes: schema, V1 answers, locked copies and results (E-060 to E-072, E-600)."""

from __future__ import annotations

import asyncio

import pytest

from app.engine.execution.blocker import ExecutionBlocker
from app.engine.node_types import v3
from app.engine.node_types.v3 import io


class Add(io.ComfyNode):
    """Adds."""

    @classmethod
    def define_schema(cls):
        return io.Schema(
            "Add",
            display_name="Add numbers",
            category="math",
            inputs=[io.Int.Input("a"), io.Int.Input("b", optional=True, default=1)],
            outputs=[io.Int.Output("sum"), io.Image.Output(is_output_list=True, tooltip="t")],
            hidden=[io.Hidden.unique_id],
            is_output_node=True,
            is_experimental=True,
            search_aliases=["plus"],
            newer_keyword=1,
        )

    @classmethod
    def execute(cls, a, b=1):
        return io.NodeOutput(a + b, [], ui={"text": [cls.hidden.unique_id]})


class Later(Add):
    @classmethod
    async def execute(cls, a, b=1):
        return io.NodeOutput(a + b)


def test_e060_a_node_without_a_schema_says_so():
    class Empty(io.ComfyNode):
        @classmethod
        def execute(cls):
            return io.NodeOutput()

    with pytest.raises(NotImplementedError, match="define_schema"):
        Empty.GET_SCHEMA()


def test_e060_a_node_without_execute_says_so():
    class Empty(io.ComfyNode):
        @classmethod
        def define_schema(cls):
            return io.Schema("Empty")

    with pytest.raises(NotImplementedError, match="execute"):
        Empty.GET_SCHEMA()


def test_e060_only_a_method_of_the_class_itself_counts_as_an_override():
    assert v3.overrides(Add, "execute")
    assert not v3.overrides(Add, "check_lazy_status")


def test_e061_state_on_the_class_does_not_stick():
    clone = v3.locked_clone(Add, {"unique_id": "5"})

    with pytest.raises(
        AttributeError, match="Cannot modify class attribute 'foo' on locked class 'AddClone'"
    ):
        clone.foo = 1
    assert not hasattr(Add, "foo")
    assert clone.SCHEMA is Add.SCHEMA


def test_e062_a_v3_class_answers_the_v1_questions():
    assert Add.FUNCTION == "EXECUTE_NORMALIZED"
    assert Later.FUNCTION == "EXECUTE_NORMALIZED_ASYNC"
    assert Add.RETURN_TYPES == ["INT", "IMAGE"]
    assert Add.RETURN_NAMES == ["sum", "IMAGE"]
    assert Add.OUTPUT_IS_LIST == [False, True]
    assert Add.OUTPUT_TOOLTIPS == [None, "t"]
    assert (Add.CATEGORY, Add.DESCRIPTION) == ("math", "")
    assert (Add.OUTPUT_NODE, Add.INPUT_IS_LIST) == (True, False)
    assert (Add.DEPRECATED, Add.EXPERIMENTAL, Add.API_NODE) == (False, True, False)
    assert Add.NOT_IDEMPOTENT is False
    assert Add.INPUT_TYPES() == {
        "required": {"a": ("INT", {})},
        "optional": {"b": ("INT", {"default": 1})},
        "hidden": {
            "unique_id": ("UNIQUE_ID",),
            "prompt": ("PROMPT",),
            "extra_pnginfo": ("EXTRA_PNGINFO",),
        },
    }


def test_e063_unknown_keywords_of_a_schema_are_kept():
    assert Add.GET_SCHEMA().options == {"newer_keyword": 1}


def test_e064_remote_nodes_ask_for_their_keys_and_outputs_get_names():
    class Remote(Add):
        @classmethod
        def define_schema(cls):
            return io.Schema("Remote", outputs=[io.Image.Output()], is_api_node=True)

    schema = Remote.GET_SCHEMA()

    assert list(schema.hidden_kinds()) == ["auth_token_comfy_org", "api_key_comfy_org"]
    assert schema.outputs[0].id == "_0_IMAGE_"


@pytest.mark.parametrize(
    "schema",
    [
        {"inputs": [io.Int.Input("a"), io.Int.Input("a")]},
        {"outputs": [io.Int.Output("a"), io.Int.Output("a")]},
    ],
)
def test_e065_an_id_used_twice_is_refused(schema):
    class Twice(Add):
        @classmethod
        def define_schema(cls):
            return io.Schema("Twice", **schema)

    with pytest.raises(ValueError, match='"a" twice'):
        Twice.GET_SCHEMA()


@pytest.mark.parametrize(
    ("value", "result", "ui"),
    [
        (io.NodeOutput(1, 2), (1, 2), None),
        (io.NodeOutput(), None, None),
        ((1, 2), (1, 2), None),
        (None, None, None),
        ({"result": (1,), "ui": {"text": ["x"]}}, (1,), {"text": ["x"]}),
        ({"ui": {"text": ["x"]}}, None, {"text": ["x"]}),
    ],
)
def test_e066_what_execute_may_return(value, result, ui):
    found = v3.normalize_output(Add, value)

    assert (found.result, found.ui, found.expand, found.block) == (result, ui, None, None)


@pytest.mark.parametrize("value", [[1, 2], "text", 3])
def test_e066_other_results_are_refused(value):
    with pytest.raises(TypeError, match="Invalid return type from node"):
        v3.normalize_output(Add, value)


def test_e067_a_ui_object_is_turned_into_its_dict():
    class Shown:
        def as_dict(self):
            return {"text": ("x",)}

    assert v3.normalize_output(Add, io.NodeOutput(ui=Shown())).ui == {"text": ("x",)}


def test_e068_an_expansion_must_be_allowed_by_the_schema():
    class Expanding(Add):
        @classmethod
        def define_schema(cls):
            return io.Schema("Expanding", enable_expand=True)

    output = io.NodeOutput(expand={"1": {}})

    assert v3.normalize_output(Expanding, output).expand == {"1": {}}
    with pytest.raises(ValueError, match="Node Add is not expandable"):
        v3.normalize_output(Add, output)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (io.NodeOutput(block_execution="no"), "no"),
        (io.NodeOutput(1, block_execution="no"), "no"),
        (ExecutionBlocker("no"), "no"),
        (ExecutionBlocker(None), None),
        ({"result": ExecutionBlocker("no")}, "no"),
        ({"result": ExecutionBlocker(None)}, None),
    ],
)
def test_e906_a_block_is_told_with_its_message(value, message):
    assert v3.normalize_output(Add, value).block == v3.Block(message)


def test_e072_hidden_values_that_were_not_asked_for_are_none():
    clone = v3.locked_clone(Add, {"UNIQUE_ID": "5"})

    assert clone.hidden.unique_id == "5"
    assert clone.hidden.prompt is None
    assert clone.hidden.something_newer is None


def test_a_call_through_the_clone_sees_its_hidden_values():
    clone = v3.locked_clone(Add, {"unique_id": "5"})

    output = getattr(clone, clone.FUNCTION)(a=1, b=2)

    assert (output.result, output.ui) == ((3, []), {"text": ["5"]})


def test_an_asynchronous_call_is_awaited_and_normalized():
    clone = v3.locked_clone(Later)

    output = asyncio.run(getattr(clone, clone.FUNCTION)(a=1, b=2))

    assert output.result == (3,)


def test_file_lists_are_read_anew_each_time():
    names = ["a"]

    class Listing(Add):
        @classmethod
        def define_schema(cls):
            return io.Schema("Listing", inputs=[io.Combo.Input("f", options=list(names))])

    before = Listing.INPUT_TYPES()["required"]["f"][1]["options"]
    names.append("b")

    assert before == ["a"]
    assert Listing.INPUT_TYPES()["required"]["f"][1]["options"] == ["a", "b"]


def test_e600_the_description_has_every_field():
    info = v3.describe("Add", Add)

    assert info["input_order"] == {
        "required": ["a"],
        "optional": ["b"],
        "hidden": ["unique_id", "prompt", "extra_pnginfo"],
    }
    assert info["output_matchtypes"] is None
    assert info["output_tooltips"] == [None, "t"]
    assert (info["display_name"], info["search_aliases"]) == ("Add numbers", ["plus"])
    assert (info["deprecated"], info["experimental"], info["api_node"]) == (False, True, False)


def test_e600_matched_outputs_name_their_group():
    template = io.MatchType.Template("t")

    class Matched(Add):
        @classmethod
        def define_schema(cls):
            return io.Schema(
                "Matched",
                inputs=[io.MatchType.Input("a", template)],
                outputs=[io.MatchType.Output(template), io.Int.Output()],
            )

    assert v3.describe("Matched", Matched)["output_matchtypes"] == ["t", None]


def test_a_plain_class_is_not_v3():
    assert v3.is_v3(Add)
    assert not v3.is_v3(int)
    assert not v3.is_v3(Add())
