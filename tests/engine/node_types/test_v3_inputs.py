"""V3 inputs and outputs say of themselves what the reference says (E-073 to E-081)."""

from __future__ import annotations

import enum
import json

import pytest

from app.engine.node_types import v3
from app.engine.node_types.v3 import io


class Fruit(enum.Enum):
    APPLE = "apple"
    PEAR = "pear"


def node(*inputs: io.Input, outputs: tuple[io.Output, ...] = (), **schema: object) -> type:
    class Made(io.ComfyNode):
        @classmethod
        def define_schema(cls):
            return io.Schema("Made", inputs=list(inputs), outputs=list(outputs), **schema)

        @classmethod
        def execute(cls, **kwargs):
            return io.NodeOutput(kwargs)

    return Made


def as_json(value: object) -> object:
    return json.loads(json.dumps(value))


@pytest.mark.parametrize(
    ("name", "io_type"),
    [
        ("Boolean", "BOOLEAN"), ("Int", "INT"), ("Float", "FLOAT"), ("String", "STRING"),
        ("Combo", "COMBO"), ("MultiCombo", "COMBO"), ("Image", "IMAGE"),
        ("WanCameraEmbedding", "WAN_CAMERA_EMBEDDING"), ("Webcam", "WEBCAM"), ("Mask", "MASK"),
        ("Latent", "LATENT"), ("Conditioning", "CONDITIONING"), ("Sampler", "SAMPLER"),
        ("Sigmas", "SIGMAS"), ("Noise", "NOISE"), ("Guider", "GUIDER"), ("Clip", "CLIP"),
        ("ControlNet", "CONTROL_NET"), ("Vae", "VAE"), ("Model", "MODEL"),
        ("ClipVision", "CLIP_VISION"), ("ClipVisionOutput", "CLIP_VISION_OUTPUT"),
        ("StyleModel", "STYLE_MODEL"), ("Gligen", "GLIGEN"), ("UpscaleModel", "UPSCALE_MODEL"),
        ("LatentUpscaleModel", "LATENT_UPSCALE_MODEL"), ("Audio", "AUDIO"), ("Video", "VIDEO"),
        ("SVG", "SVG"), ("LoraModel", "LORA_MODEL"), ("LossMap", "LOSS_MAP"),
        ("Voxel", "VOXEL"), ("Mesh", "MESH"), ("Hooks", "HOOKS"),
        ("HookKeyframes", "HOOK_KEYFRAMES"), ("TimestepsRange", "TIMESTEPS_RANGE"),
        ("LatentOperation", "LATENT_OPERATION"), ("FlowControl", "FLOW_CONTROL"),
        ("Accumulation", "ACCUMULATION"), ("Load3DCamera", "LOAD3D_CAMERA"),
        ("Load3D", "LOAD_3D"), ("Load3DAnimation", "LOAD_3D_ANIMATION"),
        ("Photomaker", "PHOTOMAKER"), ("Point", "POINT"), ("FaceAnalysis", "FACE_ANALYSIS"),
        ("BBOX", "BBOX"), ("SEGS", "SEGS"), ("AnyType", "*"), ("MODEL_PATCH", "MODEL_PATCH"),
        ("AudioEncoder", "AUDIO_ENCODER"), ("AudioEncoderOutput", "AUDIO_ENCODER_OUTPUT"),
        ("Tracks", "TRACKS"), ("MultiType", "COMFY_MULTITYPED_V3"),
        ("MatchType", "COMFY_MATCHTYPE_V3"), ("Autogrow", "COMFY_AUTOGROW_V3"),
        ("DynamicCombo", "COMFY_DYNAMICCOMBO_V3"), ("DynamicSlot", "COMFY_DYNAMICSLOT_V3"),
    ],
)  # fmt: skip
def test_e073_an_io_type_has_its_name(name, io_type):
    kind = getattr(io, name)

    assert kind.io_type == io_type
    assert kind.Input.Parent is kind


def test_e074_a_custom_type_carries_its_name():
    kind = io.Custom("MINE")

    assert kind.Input("a").io_type == "MINE"
    assert kind.Output().get_io_type() == "MINE"


def test_e074_a_decorated_class_becomes_an_io_type():
    @io.comfytype(io_type="MINE")
    class Mine:
        class Input(io.Input):
            """An input with a mark."""

            def type_options(self):
                return {"mark": 1}

    assert Mine.Input("a").declare() == ("MINE", {"mark": 1})
    assert Mine.Output("b").io_type == "MINE"


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        (io.Image.Input("a", tooltip="t", lazy=True), ["IMAGE", {"tooltip": "t", "lazy": True}]),
        (io.Image.Input("a", raw_link=True), ["IMAGE", {"rawLink": True}]),
        (io.Image.Input("a", extra_dict={"k": 1}), ["IMAGE", {"k": 1}]),
        (io.Image.Input("a", newer_option=3), ["IMAGE", {"newer_option": 3}]),
        (
            io.Boolean.Input("a", default=False, label_on="yes", label_off="no"),
            ["BOOLEAN", {"default": False, "label_on": "yes", "label_off": "no"}],
        ),
        (
            io.Int.Input("a", default=0, min=0, max=9, step=1, control_after_generate=True),
            [
                "INT",
                {"default": 0, "min": 0, "max": 9, "step": 1, "control_after_generate": True},
            ],
        ),
        (
            io.Float.Input("a", round=0.01, display_mode=io.NumberDisplay.slider),
            ["FLOAT", {"round": 0.01, "display": "slider"}],
        ),
        (io.String.Input("a"), ["STRING", {"multiline": False}]),
        (
            io.String.Input("a", multiline=True, placeholder="p", dynamic_prompts=True),
            ["STRING", {"multiline": True, "placeholder": "p", "dynamicPrompts": True}],
        ),
        (
            io.Combo.Input("a", options=["x", "y"], default="x"),
            ["COMBO", {"default": "x", "multiselect": False, "options": ["x", "y"]}],
        ),
        (
            io.Combo.Input("a", options=Fruit, default=Fruit.PEAR),
            ["COMBO", {"default": "pear", "multiselect": False, "options": ["apple", "pear"]}],
        ),
        (
            io.Combo.Input(
                "a", upload=io.UploadType.image, image_folder=io.FolderType.output, options=[]
            ),
            [
                "COMBO",
                {
                    "multiselect": False,
                    "options": [],
                    "image_upload": True,
                    "image_folder": "output",
                },
            ],
        ),
        (
            io.Combo.Input("a", remote=io.RemoteOptions("/r", True, timeout=5)),
            [
                "COMBO",
                {
                    "multiselect": False,
                    "remote": {
                        "route": "/r",
                        "refresh_button": True,
                        "control_after_refresh": "first",
                        "timeout": 5,
                    },
                },
            ],
        ),
        (
            io.MultiCombo.Input("a", options=["x"], placeholder="p", chip=True),
            [
                "COMBO",
                {
                    "multiselect": True,
                    "options": ["x"],
                    "multi_select": True,
                    "placeholder": "p",
                    "chip": True,
                },
            ],
        ),
        (
            io.Float.Input("a", force_input=True, socketless=False, widget_type="INT"),
            ["FLOAT", {"socketless": False, "widgetType": "INT", "forceInput": True}],
        ),
        (io.MultiType.Input("a", [io.Image, io.Mask, io.Image]), ["IMAGE,MASK", {}]),
        (
            io.MultiType.Input(io.Float.Input("a", default=1.0), [io.Int, io.Float]),
            ["FLOAT,INT", {"default": 1.0, "widgetType": "FLOAT"}],
        ),
        (
            io.MatchType.Input("a", io.MatchType.Template("t", [io.Image, io.Mask])),
            [
                "COMFY_MATCHTYPE_V3",
                {"template": {"template_id": "t", "allowed_types": "IMAGE,MASK"}},
            ],
        ),
        (
            io.Autogrow.Input("a", io.Autogrow.TemplatePrefix(io.Image.Input("i"), "n", 2, 50)),
            [
                "COMFY_AUTOGROW_V3",
                {
                    "template": {
                        "input": {"required": {"i": ["IMAGE", {}]}},
                        "prefix": "n",
                        "min": 2,
                        "max": 50,
                    }
                },
            ],
        ),
        (
            io.Autogrow.Input("a", io.Autogrow.TemplateNames(io.Int.Input("i"), ["p", "q"])),
            [
                "COMFY_AUTOGROW_V3",
                {
                    "template": {
                        "input": {"required": {"i": ["INT", {"forceInput": True}]}},
                        "names": ["p", "q"],
                        "min": 1,
                    }
                },
            ],
        ),
        (
            io.DynamicCombo.Input(
                "a", [io.DynamicCombo.Option("k", [io.Int.Input("w", optional=True)])]
            ),
            [
                "COMFY_DYNAMICCOMBO_V3",
                {
                    "options": [
                        {"key": "k", "inputs": {"required": {}, "optional": {"w": ["INT", {}]}}}
                    ]
                },
            ],
        ),
        (
            io.DynamicSlot.Input(io.Image.Input("a"), [io.Int.Input("w")]),
            [
                "COMFY_DYNAMICSLOT_V3",
                {"slotType": "IMAGE", "inputs": {"required": {"w": ["INT", {}]}}},
            ],
        ),
    ],
)
def test_e075_an_input_is_serialised_as_by_the_reference(declared, expected):
    assert as_json(declared.declare()) == expected


def test_e077_an_output_shows_its_id_unless_it_has_another_name():
    assert io.Image.Output("a").label == "a"
    assert io.Image.Output("a", display_name="b").label == "b"
    assert io.Image.Output().label == "IMAGE"


def test_e079_a_matched_output_is_called_matchtype():
    assert io.MatchType.Output(io.MatchType.Template("t")).label == "MATCHTYPE"


def test_e080_more_than_a_hundred_names_are_refused():
    with pytest.raises(ValueError, match="100"):
        io.Autogrow.TemplatePrefix(io.Image.Input("i"), "n", max=101)


GROW = io.Autogrow.Input("g", io.Autogrow.TemplatePrefix(io.Image.Input("i"), "n", 2, 4))


def test_e080_only_the_slots_in_the_prompt_are_live():
    sections = v3.live_inputs(
        node(GROW), {"g.n0": 1, "g.n1": 1, "g.n3": 1, "g.n9": 1}, strict_reference=True
    )

    assert list(sections["required"]) == ["g.n0", "g.n1"]
    assert list(sections["optional"]) == ["g.n3"]


def test_e905_a_missing_slot_below_the_minimum_is_required_all_the_same():
    made = node(GROW)

    assert list(v3.live_inputs(made, {"g.n0": 1})["required"]) == ["g.n0", "g.n1"]
    assert list(v3.live_inputs(made, {"g.n0": 1}, strict_reference=True)["required"]) == ["g.n0"]


def test_e905_an_optional_autogrow_that_is_not_used_requires_nothing():
    template = io.Autogrow.TemplatePrefix(io.Image.Input("i"), "n", 2, 4)
    made = node(io.Autogrow.Input("g", template, optional=True))

    assert v3.live_inputs(made, {}) == {"required": {}}


def test_e080_the_node_gets_one_dict_in_the_order_of_the_template():
    nested = v3.nest_inputs(node(GROW), {"g.n3": "d", "g.n0": "a", "other": 1})

    assert nested == {"other": 1, "g": {"n0": "a", "n3": "d"}}
    assert list(nested["g"]) == ["n0", "n3"]


def test_e080_without_slots_the_argument_is_not_passed():
    assert v3.nest_inputs(node(GROW), {"other": 1}) == {"other": 1}


DEEP = io.DynamicCombo.Input("d", [io.DynamicCombo.Option("deep", [io.Int.Input("z")])])
CHOICE = io.DynamicCombo.Input(
    "c",
    [
        io.DynamicCombo.Option("one", [io.Int.Input("w"), io.Int.Input("h", optional=True)]),
        io.DynamicCombo.Option("two", [DEEP]),
        io.DynamicCombo.Option("none"),
    ],
)


@pytest.mark.parametrize(
    ("prompt", "required", "optional"),
    [
        ({"c": "one"}, ["c", "c.w"], ["c.h"]),
        ({"c": "none"}, ["c"], []),
        ({"c": "two", "c.d": "deep"}, ["c", "c.d", "c.d.z"], []),
    ],
)
def test_e082_the_chosen_option_brings_its_inputs(prompt, required, optional):
    sections = v3.live_inputs(node(CHOICE), prompt)

    assert list(sections["required"]) == required
    assert list(sections.get("optional", {})) == optional


@pytest.mark.parametrize("prompt", [{}, {"c": "unknown"}, {"c": ["5", 0]}])
def test_e905_an_absent_or_unknown_choice_is_declared_so_that_it_is_refused(prompt):
    made = node(CHOICE)

    assert v3.live_inputs(made, prompt)["required"] == {
        "c": ("COMBO", {"options": ["one", "two", "none"]})
    }
    assert v3.live_inputs(made, prompt, strict_reference=True)["required"] == {}


def test_e082_the_node_gets_the_inputs_and_the_key_in_one_dict():
    made = node(CHOICE)

    assert v3.nest_inputs(made, {"c": "one", "c.w": 3}) == {"c": {"w": 3, "c": "one"}}
    assert v3.nest_inputs(made, {"c": "two", "c.d": "deep", "c.d.z": 1}) == {
        "c": {"d": {"z": 1, "d": "deep"}, "c": "two"}
    }


SLOT = io.DynamicSlot.Input(io.Image.Input("s"), [io.Int.Input("w")])


def test_e083_a_filled_slot_brings_its_inputs():
    made = node(SLOT)

    assert v3.live_inputs(made, {}) == {"required": {}}
    filled = v3.live_inputs(made, {"s": ["1", 0]})
    assert (list(filled["required"]), list(filled["optional"])) == (["s.w"], ["s"])
    assert v3.nest_inputs(made, {"s": "image", "s.w": 2}) == {"s": {"w": 2, "s": "image"}}


def test_e085_lazy_checks_get_values_with_their_flat_names():
    nested = v3.nest_inputs(node(CHOICE), {"c": "one", "c.w": None, "x": 1}, with_names=True)

    assert nested == {"x": 1, "c": {"w": (None, "c.w"), "c": ("one", "c")}}
