"""The names packs import exist, answer live, and go away with the engine."""

from __future__ import annotations

import importlib
import io
import logging
import struct
import subprocess
import sys

import pytest

from app.engine import compat
from app.engine.compat.extras_table import EXTRAS
from app.engine.compat.finder import is_host_name
from app.engine.compat.standin_table import CORE_NODES, STAND_INS
from app.engine.compat.standins import NotSupportedHereError
from app.engine.errors import EngineStateError
from app.engine.events import CustomEvent, PreviewEvent, ProgressTextEvent

HOST_MODULES = [
    "comfy", "comfy.cli_args", "comfy.comfy_types", "comfy.comfy_types.node_typing",
    "comfy.ldm.modules.attention", "comfy.model_management", "comfy.model_patcher",
    "comfy.options", "comfy.sample", "comfy.samplers", "comfy.sd", "comfy.sd1_clip",
    "comfy.utils", "comfy_api.feature_flags", "comfy_api.input", "comfy_api.input_impl",
    "comfy_api.latest", "comfy_api.torch_helpers", "comfy_api.util", "comfy_api.v0_0_1",
    "comfy_api.v0_0_2", "comfy_execution.graph", "comfy_execution.graph_utils",
    "comfy_execution.progress", "comfy_execution.utils", "comfy_execution.validation",
    "comfy_extras.nodes_mask", "comfyui_version", "execution", "folder_paths", "latent_preview",
    "node_helpers", "nodes", "server",
]  # fmt: skip


@pytest.mark.parametrize("name", HOST_MODULES)
def test_a_host_module_can_be_imported(host, name):
    assert importlib.import_module(name).__name__ == name


def test_installing_twice_is_refused(host):
    with pytest.raises(EngineStateError, match="Another engine"):
        compat.install(host)


def test_sys_modules_is_as_before_after_the_engine_closes(tmp_path, make_engine):
    before = {name for name in sys.modules if is_host_name(name)}
    finders = list(sys.meta_path)

    with compat.installed(make_engine(tmp_path)):
        importlib.import_module("comfy.utils")
        importlib.import_module("server")

    assert {name for name in sys.modules if is_host_name(name)} == before
    assert sys.meta_path == finders


def test_what_a_pack_changed_is_gone_with_the_engine(tmp_path, make_engine):
    with compat.installed(make_engine(tmp_path)):
        import comfy.samplers

        comfy.samplers.KSampler.SCHEDULERS.append("packs_own")

    with compat.installed(make_engine(tmp_path)):
        import comfy.samplers as fresh

        assert "packs_own" not in fresh.SCHEDULER_NAMES


def test_a_module_of_the_same_name_that_was_there_before_comes_back(
    tmp_path, make_engine, monkeypatch
):
    theirs = type(sys)("server")
    monkeypatch.setitem(sys.modules, "server", theirs)

    with compat.installed(make_engine(tmp_path)):
        import server

        assert server is not theirs

    assert sys.modules["server"] is theirs


def test_folder_paths_and_server_do_not_load_torch(tmp_path):
    code = (
        "import sys\n"
        "from types import SimpleNamespace\n"
        "from app.engine import compat\n"
        f"compat.install(SimpleNamespace(base_dir={str(tmp_path)!r}))\n"
        "import folder_paths, server, comfy.cli_args, comfy.samplers\n"
        "assert 'torch' not in sys.modules, 'torch'\n"
        "assert not any(name.startswith('PySide6') for name in sys.modules), 'Qt'\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module_name", sorted(STAND_INS))
def test_every_name_on_the_table_can_be_imported_and_derived_from(host, module_name):
    module = importlib.import_module(module_name)

    for name in STAND_INS[module_name]:
        found = getattr(module, name)
        if isinstance(found, type) and hasattr(found, "_stand_in_for"):
            type("Derived", (found,), {})


def test_using_a_stand_in_says_what_is_missing(host):
    import comfy.sd

    with pytest.raises(NotSupportedHereError, match=r"not supported here: comfy\.sd\.load_gligen"):
        comfy.sd.load_gligen("file")


def test_using_a_class_derived_from_a_stand_in_names_its_base(host):
    from comfy.quant_ops import QuantizedTensor

    class Packed(QuantizedTensor):
        pass

    with pytest.raises(NotSupportedHereError, match=r"comfy\.quant_ops\.QuantizedTensor"):
        Packed()


def test_attributes_of_a_stand_in_are_stand_ins_that_stay_the_same(host):
    from comfy.quant_ops import QUANT_ALGOS

    assert QUANT_ALGOS.one is QUANT_ALGOS.one
    assert QUANT_ALGOS.one is not QUANT_ALGOS.two


def test_a_class_derived_from_a_stand_in_lacks_what_nobody_gave_it(host):
    from nodes import LoraLoader

    class Loader(LoraLoader):
        pass

    assert not hasattr(Loader, "IS_CHANGED")


@pytest.mark.parametrize(
    "name", ["comfy.nothing", "comfy_extras.chainner_models.model_loading", "comfy.sd3_clip"]
)
def test_an_unknown_module_raises_import_error(host, name):
    with pytest.raises(ImportError):
        importlib.import_module(name)


@pytest.mark.parametrize("module", ["comfy.sd", "comfy.utils", "nodes", "comfy_extras.nodes_mask"])
def test_an_unknown_name_raises_so_that_packs_can_probe(host, module):
    found = importlib.import_module(module)

    assert not hasattr(found, "name_that_nobody_has")
    with pytest.raises(ImportError):
        exec(f"from {module} import name_that_nobody_has")


def test_submodules_are_attributes_without_being_imported_first(host):
    import comfy

    assert comfy.samplers.KSampler.SAMPLERS[0] == "euler"
    assert comfy.ldm.modules.attention.optimized_attention.__name__ == "optimized_attention"


@pytest.mark.parametrize("name", sorted(CORE_NODES))
def test_a_core_node_can_be_imported_from_nodes(host, name):
    assert getattr(importlib.import_module("nodes"), name).__name__


@pytest.mark.parametrize("module", sorted(EXTRAS))
def test_an_extra_module_has_every_name_of_its_table(host, module):
    found = importlib.import_module(f"comfy_extras.{module}")

    for name in EXTRAS[module].split():
        assert getattr(found, name) is not None


def test_an_extra_module_serves_the_class_of_the_built_in_pack(host):
    from comfy_extras.nodes_mask import GrowMask, composite

    import nodes
    from app.engine.imaging import masks

    assert GrowMask is nodes.NODE_CLASS_MAPPINGS["GrowMask"]
    assert composite is masks.composite


def test_folder_paths_attributes_are_live_in_both_directions(host, tmp_path):
    import folder_paths

    folder_paths.output_directory = str(tmp_path / "elsewhere")
    folder_paths.folder_names_and_paths["mine"] = ([str(tmp_path)], {".txt"})
    (tmp_path / "a.txt").write_text("a")

    assert folder_paths.get_output_directory() == str(tmp_path / "elsewhere")
    assert folder_paths.get_filename_list("mine") == ["a.txt"]
    folder_paths.set_output_directory(str(tmp_path / "third"))
    assert folder_paths.output_directory == str(tmp_path / "third")


def test_folder_paths_lies_in_the_home_folder(host, tmp_path):
    import folder_paths

    assert folder_paths.__file__ == str(tmp_path / "folder_paths.py")
    assert (tmp_path / "custom_nodes").is_dir()


def test_the_lists_of_samplers_and_schedulers_are_shared_objects(host):
    import comfy.samplers as samplers

    assert len(samplers.SAMPLER_NAMES) == 44
    assert len(samplers.SCHEDULER_NAMES) == 9
    assert samplers.KSampler.SAMPLERS is samplers.SAMPLER_NAMES
    assert samplers.KSampler.SCHEDULERS is samplers.SCHEDULER_NAMES
    assert samplers.SAMPLER_NAMES[0] == "euler"
    assert samplers.SAMPLER_NAMES[-1] == "uni_pc_bh2"


@pytest.mark.parametrize(
    ("left", "right", "differs"),
    [
        ("INT", "INT", False),
        ("INT", "FLOAT", True),
        ("ANY", "FLOAT", False),
        ("INT", "*", False),
        ("NUMBER", "INT", False),
        ("INT", "FLOAT,INT", False),
        ("NUMBER", "STRING", True),
        ("PRIMITIVE", "FLOAT,INT", False),
        ("NUMBER", "INT,IMAGE", True),
        ("INT", 3, True),
    ],
)
def test_e743_io_differs_only_from_what_cannot_be_linked(host, left, right, differs):
    from comfy.comfy_types import IO

    assert (IO[left] != right) is differs


def test_e743_io_members_are_plain_strings(host):
    import json

    from comfy.comfy_types import IO

    assert json.dumps({"t": IO.NUMBER}) == '{"t": "FLOAT,INT"}'
    assert f"{IO.INT}" == "INT"
    assert {IO.INT: 1}["INT"] == 1


def test_e336_the_lazy_mixin_asks_for_every_input_without_a_value(host):
    from comfy.comfy_types.node_typing import CheckLazyMixin

    assert CheckLazyMixin().check_lazy_status(a=None, b=0, c=None) == ["a", "c"]


def test_e089_a_progress_bar_clamps_and_reports_to_the_hook(host):
    import comfy.utils

    seen = []
    comfy.utils.set_progress_bar_global_hook(
        lambda value, total, preview, node_id=None: seen.append((value, total, preview, node_id))
    )
    bar = comfy.utils.ProgressBar(4, node_id="7")
    bar.update(3)
    bar.update(3)
    bar.update_absolute(1, total=2)

    assert seen == [(3, 4, None, "7"), (4, 4, None, "7"), (1, 2, None, "7")]


def test_e531_a_progress_bar_stops_an_interrupted_node(host):
    import comfy.model_management
    import comfy.utils

    import nodes

    nodes.interrupt_processing()
    try:
        with pytest.raises(comfy.model_management.InterruptProcessingException):
            comfy.utils.ProgressBar(3).update(1)
    finally:
        nodes.interrupt_processing(False)


def test_weights_are_loaded_with_the_inner_state_dict(host, tmp_path):
    import comfy.utils
    import torch

    torch.save({"state_dict": {"w": torch.ones(2)}}, tmp_path / "a.pt")
    torch.save({"params": {"w": torch.ones(2)}}, tmp_path / "b.pt")
    comfy.utils.save_torch_file({"w": torch.ones(2)}, str(tmp_path / "c.safetensors"), {"k": "v"})

    assert list(comfy.utils.load_torch_file(str(tmp_path / "a.pt"))) == ["w"]
    assert list(comfy.utils.load_torch_file(str(tmp_path / "b.pt"))) == ["w"]
    weights, metadata = comfy.utils.load_torch_file(
        str(tmp_path / "c.safetensors"), return_metadata=True
    )
    assert (list(weights), metadata) == (["w"], {"k": "v"})


def test_a_weights_file_that_holds_code_is_refused(host, tmp_path):
    import pickle

    import comfy.utils

    from app.engine.errors import ModelFileError

    (tmp_path / "bad.pt").write_bytes(pickle.dumps(print))

    with pytest.raises(ModelFileError, match="weights"):
        comfy.utils.load_torch_file(str(tmp_path / "bad.pt"))


def test_nested_attributes_can_be_read_and_set(host):
    import comfy.utils
    import torch

    network = torch.nn.Sequential(torch.nn.Linear(2, 2, bias=False))
    old = comfy.utils.set_attr_param(network, "0.weight", torch.ones(2, 2))

    assert old.shape == (2, 2)
    assert comfy.utils.get_attr(network, "0.weight").sum() == 4
    assert not network[0].weight.requires_grad


def test_prefixes_of_a_state_dict_are_renamed(host):
    import comfy.utils

    weights = {"a.x": 1, "a.y": 2, "b.z": 3}

    assert comfy.utils.state_dict_prefix_replace(dict(weights), {"a.": "c."}, filter_keys=True) == {
        "c.x": 1,
        "c.y": 2,
    }
    assert comfy.utils.state_dict_prefix_replace(dict(weights), {"a.": "c."}) == {
        "b.z": 3,
        "c.x": 1,
        "c.y": 2,
    }


def test_prompt_handlers_rewrite_in_order_and_a_broken_one_changes_nothing(host, caplog):
    import server

    def broken(data):
        raise RuntimeError("broken handler")

    server.PromptServer.instance.add_on_prompt_handler(lambda data: data | {"one": 1})
    server.PromptServer.instance.add_on_prompt_handler(broken)
    server.PromptServer.instance.add_on_prompt_handler(lambda data: data | {"two": data["one"] + 1})

    with caplog.at_level(logging.WARNING):
        changed = compat.run_prompt_handlers({"prompt": {}})

    assert changed == {"prompt": {}, "one": 1, "two": 2}
    assert "broken handler" in caplog.text


def test_without_a_server_prompts_are_as_they_were(host):
    assert compat.run_prompt_handlers({"prompt": {"1": {}}}) == {"prompt": {"1": {}}}


def test_messages_of_packs_become_events(host):
    from server import BinaryEventTypes, PromptServer

    PromptServer.instance.send_sync("packs.own", {"a": 1}, "client")
    PromptServer.instance.send_progress_text("half way", "12")
    text = struct.pack(">I", 2) + b"34" + b"done"
    PromptServer.instance.send_sync(BinaryEventTypes.TEXT, text)

    assert host.events == [
        CustomEvent("packs.own", {"a": 1}, "client"),
        ProgressTextEvent("12", "half way"),
        ProgressTextEvent("34", "done"),
    ]


def test_the_loop_of_the_server_runs_and_ends_with_it(host):
    import asyncio

    from server import PromptServer

    async def add(a, b):
        return a + b

    loop = PromptServer.instance.loop
    assert loop is PromptServer.instance.loop
    assert asyncio.run_coroutine_threadsafe(add(1, 2), loop).result(timeout=10) == 3

    PromptServer.instance.close()
    assert loop.is_closed()


@pytest.mark.parametrize("kind", ["UNENCODED_PREVIEW_IMAGE", "PREVIEW_IMAGE", "list"])
def test_preview_pictures_of_packs_become_events(host, kind):
    from PIL import Image
    from server import BinaryEventTypes, PromptServer

    picture = Image.new("RGB", (4, 3), (10, 20, 30))
    if kind == "PREVIEW_IMAGE":
        stream = io.BytesIO()
        picture.save(stream, "PNG")
        data = struct.pack(">I", 2) + stream.getvalue()
    else:
        data = ("JPEG", picture, 512)
    if kind == "list":
        # Packs for other programs send lists where the host's own code sends tuples.
        kind, data = "UNENCODED_PREVIEW_IMAGE", list(data)
    PromptServer.instance.last_node_id = "5"
    PromptServer.instance.send_sync(BinaryEventTypes[kind], data)

    [event] = host.events
    assert isinstance(event, PreviewEvent)
    assert event.node_id == "5"
    assert event.rgb.shape == (3, 4, 3)
    assert event.rgb[0, 0].tolist() == [10, 20, 30]


def test_routes_of_an_application_are_listed_too(host):
    from server import PromptServer, web

    async def answer(request):
        return web.Response()

    PromptServer.instance.app.add_routes([web.post("/mine", answer)])
    PromptServer.instance.routes.patch("/other")(answer)

    assert PromptServer.instance.declared_routes() == ["PATCH /other", "POST /mine"]


def test_routes_are_recorded_without_aiohttp():
    from app.engine.compat.routes import RouteRecorder, route_names

    routes = RouteRecorder()

    @routes.get("/a")
    def handler(request):
        return request

    routes.static("/files", "/somewhere")

    assert handler("x") == "x"
    assert route_names(routes, None) == ["GET /a", "STATIC /files"]


def test_conditioning_values_are_set_on_copies(host):
    import node_helpers

    given = [["tensor", {"list": [1]}]]

    set_values = node_helpers.conditioning_set_values(given, {"strength": 0.5})
    appended = node_helpers.conditioning_set_values(given, {"list": [2]}, append=True)

    assert given == [["tensor", {"list": [1]}]]
    assert set_values == [["tensor", {"list": [1], "strength": 0.5}]]
    assert appended == [["tensor", {"list": [1, 2]}]]


def test_pictures_get_an_opaque_alpha_to_match(host):
    import node_helpers
    import torch

    rgb, rgba = torch.zeros(1, 2, 2, 3), torch.zeros(1, 2, 2, 4)

    _, widened = node_helpers.image_alpha_fix(rgba, rgb)
    _, cut = node_helpers.image_alpha_fix(rgb, rgba)

    assert widened[..., 3].min() == 1
    assert cut.shape[-1] == 3


def test_v3_ui_saves_previews_into_the_temp_folder(host, tmp_path):
    import torch
    from comfy_api.latest import ui
    from PIL import Image

    shown = ui.PreviewMask(torch.full((2, 4, 6), 0.5)).as_dict()

    assert shown["animated"] == (False,)
    assert [entry["type"] for entry in shown["images"]] == ["temp", "temp"]
    with Image.open(tmp_path / "temp" / shown["images"][0]["filename"]) as picture:
        assert picture.size == (6, 4)
        assert picture.convert("RGB").getpixel((0, 0)) == (127, 127, 127)


def test_v3_ui_puts_prompt_and_workflow_into_saved_pictures(host, tmp_path):
    import json

    import torch
    from comfy_api.latest import io as v3_io
    from comfy_api.latest import ui
    from PIL import Image

    class Node:
        hidden = v3_io.HiddenHolder(prompt={"1": {}}, extra_pnginfo={"workflow": {"id": "w"}})

    shown = ui.ImageSaveHelper.get_save_images_ui(torch.zeros(2, 2, 2, 3), "a/b_%batch_num%", Node)

    names = [entry["filename"] for entry in shown.as_dict()["images"]]
    assert names == ["b_0_00001_.png", "b_1_00001_.png"]
    with Image.open(tmp_path / "output" / "a" / names[1]) as picture:
        assert json.loads(picture.text["prompt"]) == {"1": {}}
        assert json.loads(picture.text["workflow"]) == {"id": "w"}


def test_e087_progress_through_the_api_objects_needs_a_node(host):
    import asyncio

    from comfy_api.latest import ComfyAPI, ComfyAPISync

    from app.engine.execution.context import CurrentNodeContext
    from app.engine.execution.progress import get_progress_state

    with pytest.raises(ValueError, match="node_id"):
        ComfyAPISync().execution.set_progress(1, 4)
    with CurrentNodeContext("p", "n"):
        asyncio.run(ComfyAPI().execution.set_progress(2, 4))

    assert get_progress_state().nodes["n"]["value"] == 2


def test_wrappers_of_the_executor_see_every_run(host):
    import execution

    seen = []
    original = execution.PromptExecutor.execute

    def wrapped(self, prompt, prompt_id, *args, **kwargs):
        seen.append(prompt_id)
        return original(self, prompt, prompt_id, *args, **kwargs)

    execution.PromptExecutor.execute = wrapped
    answer = compat.run_through_executor(
        lambda: "ran", prompt={}, prompt_id="p", extra_data={}, outputs=()
    )

    assert (answer, seen) == ("ran", ["p"])


def test_a_broken_wrapper_of_the_executor_does_not_stop_the_run(host, caplog):
    import execution

    def wrapped(self, *args, **kwargs):
        raise RuntimeError("broken wrapper")

    execution.PromptExecutor.execute = wrapped
    with caplog.at_level(logging.WARNING):
        answer = compat.run_through_executor(
            lambda: "ran", prompt={}, prompt_id="p", extra_data={}, outputs=()
        )

    assert answer == "ran"
    assert "broken wrapper" in caplog.text


def test_weights_of_words_are_read_from_parentheses(host):
    from comfy.sd1_clip import escape_important, token_weights, unescape_important

    parts = token_weights(escape_important(r"a (b:1.5) ((c)) \(d\)"), 1.0)

    assert [(unescape_important(text), round(weight, 3)) for text, weight in parts] == [
        ("a ", 1.0),
        ("b", 1.5),
        (" ", 1.0),
        ("c", 1.21),
        (" (d)", 1.0),
    ]


def test_every_option_of_the_command_line_has_its_default(host, tmp_path):
    from comfy.cli_args import LatentPreviewMethod, args

    assert args.disable_metadata is False
    assert args.preview_method is LatentPreviewMethod.Auto
    assert args.whitelist_custom_nodes == []
    assert args.base_directory == str(tmp_path)
    args.fast.add("x")
