"""Reading node classes of both contracts into one schema."""

from __future__ import annotations

from typing import Any

import pytest

from app.engine.errors import UnknownNodeError
from app.engine.node_types.registry import Registry
from app.engine.node_types.schema import InputSpec, RunSchemas, read_schema
from app.engine.node_types.v3 import io


class Plain:
    """A V1 class that uses most of the contract."""

    @classmethod
    def INPUT_TYPES(cls):
        return {
            "required": {
                "image": ("IMAGE", {"lazy": True}),
                "mode": (["a", "b"],),
                "count": ["INT", {"default": 1}, "ignored"],
            },
            "optional": {"raw": ("MASK", {"rawLink": 1}), "odd": ("ODD", None)},
            "hidden": {"id": "UNIQUE_ID", "own": "MY_KIND", "loose": ("INT", {"default": 3})},
        }

    RETURN_TYPES = ("IMAGE", ["x", "y"])
    RETURN_NAMES = ("picture",)
    OUTPUT_IS_LIST = (True, False)
    INPUT_IS_LIST = (1,)
    FUNCTION = "work"
    OUTPUT_NODE = True
    NOT_IDEMPOTENT = 1

    async def work(self, **kwargs: Any) -> tuple[Any, ...]:
        return ()

    @classmethod
    def IS_CHANGED(cls):
        return 0


class Bare:
    @classmethod
    def INPUT_TYPES(cls):
        return {}

    RETURN_TYPES = ("INT", "INT")
    FUNCTION = "work"

    def work(self):
        return ()


class Typed(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="Typed",
            inputs=[io.Image.Input("image", lazy=True), io.Int.Input("count", optional=True)],
            outputs=[io.Image.Output("picture", is_output_list=True), io.Mask.Output()],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt],
            not_idempotent=True,
        )

    @classmethod
    def fingerprint_inputs(cls, image):
        return 1

    @classmethod
    async def execute(cls, image, count=1):
        return io.NodeOutput(image, None)


class Growing(io.ComfyNode):
    made = 0

    @classmethod
    def define_schema(cls):
        cls.made += 1
        slots = io.Autogrow.TemplatePrefix(io.Image.Input("image"), prefix="image", min=1, max=3)
        return io.Schema(
            node_id="Growing",
            inputs=[io.Autogrow.Input("images", slots), io.Int.Input("gap")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, images, gap):
        return io.NodeOutput()


def v1_class(**members: Any) -> type:
    return type("Sample", (Bare,), members)


def test_e021_inputs_come_in_declaration_order_with_their_options():
    schema = read_schema("Plain", Plain)

    assert list(schema.inputs.values()) == [
        InputSpec("image", "IMAGE", {"lazy": True}, "required", lazy=True),
        InputSpec("mode", ["a", "b"], {}, "required"),
        InputSpec("count", "INT", {"default": 1}, "required"),
        InputSpec("raw", "MASK", {"rawLink": 1}, "optional", raw_link=True),
        InputSpec("odd", "ODD", {}, "optional"),
    ]


def test_the_class_attributes_of_v1_are_read():
    schema = read_schema("Plain", Plain)

    assert (schema.name, schema.cls, schema.is_v3) == ("Plain", Plain, False)
    assert schema.return_types == ("IMAGE", ["x", "y"])
    assert schema.return_names == ("picture",)
    assert schema.output_is_list == (True, False)
    assert schema.function == "work"
    assert schema.input_is_list
    assert schema.is_output
    assert schema.not_idempotent
    assert schema.is_async
    assert schema.uses_unique_id
    assert schema.has_is_changed
    assert not schema.has_validate
    assert not schema.has_check_lazy


def test_e020_a_bare_class_takes_the_defaults():
    schema = read_schema("Bare", Bare)

    assert schema.inputs == {}
    assert schema.hidden == {}
    assert schema.output_is_list == (False, False)
    flags = (schema.input_is_list, schema.is_output, schema.not_idempotent, schema.is_async)
    more = (schema.uses_unique_id, schema.has_is_changed, schema.open_inputs)
    assert not any(flags + more)


def test_e023_hidden_kinds_and_loose_hidden_inputs():
    schema = read_schema("Plain", Plain)

    assert schema.hidden == {"id": "UNIQUE_ID", "own": "MY_KIND"}
    loose = schema.declares("loose")
    assert loose == InputSpec("loose", "INT", {"default": 3}, "hidden")


def test_declares_knows_real_names_and_no_others():
    schema = read_schema("Plain", Plain)

    assert schema.declares("count") is schema.inputs["count"]
    assert schema.declares("nothing") is None


class OpenSection(dict):
    """Knows every name, lists none, and answers ``get`` as an empty dict does."""

    def __contains__(self, key: object) -> bool:
        return True

    def __getitem__(self, key: str) -> tuple[str, dict[str, bool]]:
        return ("ANY", {"lazy": True})


def open_class(**sections: Any) -> type:
    return v1_class(INPUT_TYPES=classmethod(lambda cls: sections))


def test_e024_an_open_section_declares_any_name_and_lists_none():
    schema = read_schema("Open", open_class(optional=OpenSection()))

    assert schema.open_inputs
    assert schema.inputs == {}
    assert schema.declares("any name") == InputSpec(
        "any name", "ANY", {"lazy": True}, "optional", lazy=True
    )


def test_e024_sections_are_asked_in_the_order_required_optional_hidden():
    cls = open_class(
        required={"image": ("IMAGE",)}, optional=OpenSection(), hidden={"id": "UNIQUE_ID"}
    )
    schema = read_schema("Open", cls)

    image, hidden = schema.declares("image"), schema.declares("other")
    assert image is not None
    assert hidden is not None
    assert (image.category, hidden.category) == ("required", "optional")
    assert schema.hidden == {"id": "UNIQUE_ID"}


def test_e024_the_first_of_two_open_sections_answers():
    class Masks(OpenSection):
        def __getitem__(self, key: str) -> tuple[str, dict[str, bool]]:
            return ("MASK", {})

    schema = read_schema("Open", open_class(required=Masks(), optional=OpenSection()))

    found = schema.declares("any name")
    assert found is not None
    assert (found.type, found.category) == ("MASK", "required")


def test_e024_a_name_that_stands_in_two_sections_is_required():
    cls = open_class(required={"x": ("A",)}, optional={"x": ("B",)}, hidden={"x": ("C", {})})

    found = read_schema("Twice", cls).declares("x")

    assert found is not None
    assert (found.type, found.category) == ("A", "required")


def test_e024_a_section_that_knows_some_names_more():
    class Some(dict):
        def __contains__(self, key: object) -> bool:
            return str(key).startswith("input_")

        def __getitem__(self, key: str) -> tuple[str]:
            return ("MASK",)

    schema = read_schema("Open", open_class(optional=Some()))

    assert schema.declares("input_7") is not None
    assert schema.declares("output_7") is None


@pytest.mark.parametrize("entry", [("MASK",), ["MASK"], ("MASK", {}), ("MASK", {}, 1), "MASK"])
def test_e021_all_ways_to_write_an_entry(entry):
    schema = read_schema("One", open_class(required={"mask": entry}))

    assert schema.inputs["mask"] == InputSpec("mask", "MASK", {}, "required")


def test_sections_that_are_no_mappings_count_as_empty():
    schema = read_schema("Odd", open_class(required=None, hidden=[]))

    assert schema.inputs == {}
    assert not schema.open_inputs


def test_e051_missing_list_flags_count_as_false_and_strictly_drop_their_outputs():
    cls = v1_class(OUTPUT_IS_LIST=(True,))

    kept, strict = read_schema("Short", cls), read_schema("Short", cls, strict_reference=True)

    assert (kept.output_is_list, kept.drops_extra_outputs) == ((True, False), False)
    assert (strict.output_is_list, strict.drops_extra_outputs) == ((True,), True)


def test_e050_a_string_by_mistake_is_one_output():
    cls = v1_class(RETURN_TYPES="IMAGE", RETURN_NAMES=None, OUTPUT_IS_LIST=None)

    schema = read_schema("Text", cls)

    assert schema.return_types == ("IMAGE",)
    assert schema.output_is_list == (False,)
    assert read_schema("Text", cls, strict_reference=True).return_types == tuple("IMAGE")


@pytest.mark.parametrize(
    ("member", "flag"),
    [
        ("VALIDATE_INPUTS", "has_validate"),
        ("check_lazy_status", "has_check_lazy"),
        ("IS_CHANGED", "has_is_changed"),
    ],
)
def test_e057_the_optional_methods_are_seen(member, flag):
    assert getattr(read_schema("With", v1_class(**{member: lambda: True})), flag)
    assert not getattr(read_schema("Without", Bare), flag)


def test_e062_a_v3_class_reads_as_the_same_schema():
    schema = read_schema("Typed", Typed)

    assert schema.is_v3
    assert {name: spec.category for name, spec in schema.inputs.items()} == {
        "image": "required",
        "count": "optional",
    }
    assert schema.inputs["image"].lazy
    assert schema.hidden == {"unique_id": "UNIQUE_ID", "prompt": "PROMPT"}
    assert schema.return_types == ("IMAGE", "MASK")
    assert schema.output_is_list == (True, False)
    assert schema.not_idempotent
    assert schema.is_async
    assert not schema.is_output
    assert not schema.has_dynamic_inputs


def test_e060_only_overridden_methods_of_v3_count():
    schema = read_schema("Typed", Typed)

    assert schema.has_is_changed
    assert not schema.has_validate
    assert not schema.has_check_lazy


def test_e904_a_v3_unique_id_counts_unless_the_reference_is_wanted():
    assert read_schema("Typed", Typed).uses_unique_id
    assert not read_schema("Typed", Typed, strict_reference=True).uses_unique_id
    assert read_schema("Plain", Plain, strict_reference=True).uses_unique_id


def test_e952_a_class_is_read_once_a_run():
    calls = []

    def declare(cls):
        calls.append(cls)
        return {"required": {"x": ("INT",)}}

    registry = Registry({"Counted": v1_class(INPUT_TYPES=classmethod(declare))})
    schemas = RunSchemas(registry)

    assert schemas.get("Counted") is schemas.get("Counted")
    assert schemas.for_inputs("Counted", {"x": 1}) is schemas.get("Counted")
    assert len(calls) == 1
    RunSchemas(registry).get("Counted")
    assert len(calls) == 2


def test_an_unknown_type_names_the_nearest_known_one():
    schemas = RunSchemas(Registry({"KSampler": Bare, "VAEDecode": Bare}))

    with pytest.raises(UnknownNodeError, match='"Ksampler" is not installed') as caught:
        schemas.get("Ksampler")

    assert caught.value.types == ("Ksampler",)


def test_outputs_can_be_asked_for_without_reading_the_inputs():
    def broken(cls):
        raise RuntimeError("no such folder")

    schemas = RunSchemas(Registry({"B": v1_class(INPUT_TYPES=classmethod(broken), OUTPUT_NODE=1)}))

    assert schemas.return_types("B") == ("INT", "INT")
    assert schemas.is_output("B")
    with pytest.raises(RuntimeError, match="no such folder"):
        schemas.get("B")


def test_e080_live_inputs_have_flat_names_and_keep_the_rest_of_the_schema():
    schemas = RunSchemas(Registry({"Growing": Growing}))

    live = schemas.for_inputs("Growing", {"images.image0": ["1", 0], "images.image2": ["1", 0]})

    assert {name: spec.category for name, spec in live.inputs.items()} == {
        "images.image0": "required",
        "images.image2": "optional",
        "gap": "required",
    }
    assert live.hidden == {"unique_id": "UNIQUE_ID"}
    assert live.uses_unique_id
    assert live.declares("images.image1") is None


def test_e952_live_inputs_do_not_ask_the_class_again():
    schemas = RunSchemas(Registry({"Growing": Growing}))
    schemas.get("Growing")
    made = Growing.made

    for index in range(5):
        schemas.for_inputs("Growing", {f"images.image{index}": 1})

    assert Growing.made == made


def test_e905_strict_live_inputs_leave_missing_slots_out():
    registry = Registry({"Growing": Growing})

    assert "images.image0" in RunSchemas(registry).for_inputs("Growing", {}).inputs
    strict = RunSchemas(registry, strict_reference=True).for_inputs("Growing", {})
    assert list(strict.inputs) == ["gap"]
