"""Finding and importing packs: one broken pack never disturbs the others (E-090 to E-096)."""

from __future__ import annotations

import asyncio
import os
import sys
import textwrap

import pytest

from app.engine.errors import NodePackError
from app.engine.node_types import packs
from app.engine.node_types.pack_report import CHANGES_PROMPT, FAILED, LOADED, SKIPPED
from app.engine.node_types.registry import Registry

NODE = """
    class {name}:
        RETURN_TYPES = ()
        FUNCTION = "run"
        @classmethod
        def INPUT_TYPES(cls):
            return {{"required": {{}}}}
        def run(self):
            return ()
"""


@pytest.fixture
def registry():
    yield Registry()
    packs.forget_packs()


def write(folder, name, text, **files):
    pack = folder / name
    pack.mkdir(parents=True)
    (pack / "__init__.py").write_text(textwrap.dedent(text))
    for file, content in files.items():
        path = pack / file.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(content))
    return pack


def pack_text(*names):
    classes = "".join(textwrap.dedent(NODE.format(name=name)) for name in names)
    mappings = ", ".join(f'"{name}": {name}' for name in names)
    return f"{classes}\nNODE_CLASS_MAPPINGS = {{{mappings}}}\n"


def load(registry, *folders, **options):
    reports = packs.load_packs(registry, folders, builtin="", **options)
    return {report.name: report for report in reports}


def test_e090_files_and_folders_are_found_and_the_rest_is_passed_over(registry, tmp_path):
    write(tmp_path, "one", pack_text("One"))
    write(tmp_path, "off.disabled", "raise RuntimeError")
    (tmp_path / "two.py").write_text(pack_text("Two"))
    (tmp_path / "three.py.disabled").write_text("raise RuntimeError")
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "__pycache__").mkdir()

    reports = load(registry, tmp_path)

    assert {name: report.status for name, report in reports.items()} == {
        "one": LOADED,
        "two": LOADED,
    }
    assert set(registry.classes) == {"One", "Two"}


def test_a_folder_without_init_fails_and_is_reported(registry, tmp_path):
    (tmp_path / "empty").mkdir()

    report = load(registry, tmp_path)["empty"]

    assert report.status == FAILED
    assert report.error


def test_a_pack_can_be_named_itself(registry, tmp_path):
    pack = write(tmp_path, "one", pack_text("One"))
    write(tmp_path, "two", pack_text("Two"))

    assert list(load(registry, pack)) == ["one"]


def test_a_pack_in_two_folders_is_loaded_once(registry, tmp_path):
    write(tmp_path, "one", pack_text("One"))

    assert len(packs.load_packs(registry, [tmp_path, tmp_path], builtin="")) == 1


def test_named_packs_are_skipped_and_reported(registry, tmp_path):
    write(tmp_path, "one", "raise RuntimeError")

    assert load(registry, tmp_path, skip=["one"])["one"].status == SKIPPED


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("raise RuntimeError('broken')", "broken"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("1 +", "SyntaxError"),
        ("class E(BaseException): pass\nraise E('deep')", "deep"),
        ("class E(Exception):\n    def __str__(self): raise ValueError\nraise E()", "E"),
        ("NODE_CLASS_MAPPINGS = 3", "AttributeError"),
        ("NODE_CLASS_MAPPINGS = None", "NODE_CLASS_MAPPINGS"),
        ("async def comfy_entrypoint(): return 3", "ComfyExtension"),
    ],
)
def test_e096_a_broken_pack_is_reported_and_the_next_one_loads(registry, tmp_path, text, words):
    write(tmp_path, "broken", text)
    write(tmp_path, "good", pack_text("Good"))

    reports = load(registry, tmp_path)

    assert reports["broken"].status == FAILED
    assert words in reports["broken"].error
    assert reports["good"].status == LOADED
    assert set(registry.classes) == {"Good"}


def test_half_a_module_is_not_left_in_sys_modules(registry, tmp_path):
    pack = write(tmp_path, "broken", "raise RuntimeError")

    load(registry, tmp_path)

    assert packs.module_location(str(pack))[0] not in sys.modules


def test_a_missing_module_is_named_with_what_to_install(registry, tmp_path):
    write(tmp_path, "needy", "raise ModuleNotFoundError('no', name='cv2.dnn')")

    report = load(registry, tmp_path)["needy"]

    assert report.missing_module == "cv2.dnn"
    assert report.missing_distribution == "opencv-python-headless"


def test_dots_in_a_path_are_replaced_and_relative_imports_work(registry, tmp_path):
    write(
        tmp_path,
        "with.dot",
        "import importlib\n"
        "from .part import VALUE\n"
        "assert importlib.import_module('.part', __name__).VALUE == VALUE == 5\n"
        "assert '.' not in __name__\n" + pack_text("Dotted"),
        part_dot_py="VALUE = 5",
    )

    assert load(registry, tmp_path)["with.dot"].status == LOADED
    assert registry.classes["Dotted"].RELATIVE_PYTHON_MODULE == "custom_nodes.with.dot"


def test_closing_forgets_the_packs_and_their_parts(registry, tmp_path):
    write(tmp_path, "one", "from . import part\n" + pack_text("One"), part_dot_py="")
    load(registry, tmp_path)
    prefix = packs.module_location(str(tmp_path / "one"))[0]
    assert any(name.startswith(prefix) for name in sys.modules)

    packs.forget_packs()

    assert not any(name.startswith(prefix) for name in sys.modules)


def test_e091_prestart_scripts_run_before_any_pack(registry, tmp_path, monkeypatch):
    monkeypatch.setenv("PRESTART_ORDER", "")
    first = write(
        tmp_path / "a", "first", "import os\nos.environ['PRESTART_ORDER'] += 'i'\n" + pack_text("A")
    )
    second = write(tmp_path / "b", "second", pack_text("B"))
    (first / "prestartup_script.py").write_text("raise SystemExit('broken script')")
    (second / "prestartup_script.py").write_text("import os\nos.environ['PRESTART_ORDER'] += 'p'")

    reports = load(registry, tmp_path / "a", tmp_path / "b")

    assert os.environ["PRESTART_ORDER"] == "pi"
    assert [report.status for report in reports.values()] == [LOADED, LOADED]


def test_e092_an_entry_point_hands_over_v3_nodes(registry, tmp_path):
    write(
        tmp_path,
        "new",
        """
        from app.engine.node_types.v3 import ComfyExtension, io

        class Node(io.ComfyNode):
            @classmethod
            def define_schema(cls):
                return io.Schema("NewNode", display_name="New")

            @classmethod
            def execute(cls):
                return io.NodeOutput()

        class Extension(ComfyExtension):
            ready = False
            async def on_load(self):
                self.ready = True
            async def get_node_list(self):
                assert self.ready
                return [Node]

        def comfy_entrypoint():
            return Extension()
        """,
    )

    report = load(registry, tmp_path)["new"]

    assert report.nodes == ("NewNode",)
    assert registry.display_names["NewNode"] == "New"
    assert registry.object_info("NewNode")["NewNode"]["python_module"] == "custom_nodes.new"


def test_e092_a_schema_with_an_id_used_twice_fails_the_pack(registry, tmp_path):
    write(
        tmp_path,
        "twice",
        """
        from app.engine.node_types.v3 import ComfyExtension, io

        class Node(io.ComfyNode):
            @classmethod
            def define_schema(cls):
                return io.Schema("Twice", inputs=[io.Int.Input("a"), io.Int.Input("a")])

            @classmethod
            def execute(cls, a):
                return io.NodeOutput()

        class Extension(ComfyExtension):
            async def get_node_list(self):
                return [Node]

        async def comfy_entrypoint():
            return Extension()
        """,
    )

    report = load(registry, tmp_path)["twice"]

    assert report.status == FAILED
    assert '"a" twice' in report.error
    assert registry.classes == {}


def test_nodes_written_straight_into_the_registry_belong_to_the_pack(
    registry, tmp_path, monkeypatch
):
    host = type(sys)("direct_host")
    host.CLASSES = registry.classes
    monkeypatch.setitem(sys.modules, "direct_host", host)
    write(
        tmp_path,
        "direct",
        pack_text("Usual") + "import direct_host\ndirect_host.CLASSES['Direct'] = Usual\n",
    )

    assert load(registry, tmp_path)["direct"].nodes == ("Usual", "Direct")


def test_a_core_class_under_another_name_keeps_its_origin(registry, tmp_path, monkeypatch):
    core = type(sys)("core_pack")
    exec(pack_text("Core"), vars(core))
    core.NODE_CLASS_MAPPINGS["Core"].RELATIVE_PYTHON_MODULE = "nodes"
    monkeypatch.setitem(sys.modules, "core_pack", core)
    write(
        tmp_path,
        "alias",
        "import core_pack\nNODE_CLASS_MAPPINGS = {'Alias': core_pack.Core, 'Core': int}\n",
    )

    [report] = packs.load_packs(registry, [tmp_path], builtin="core_pack")

    assert core.NODE_CLASS_MAPPINGS is registry.classes
    assert registry.classes["Core"] is registry.classes["Alias"]
    assert registry.classes["Alias"].RELATIVE_PYTHON_MODULE == "nodes"
    assert report.nodes == ("Alias",)
    assert "built-in" in report.warnings[0]


def test_without_its_own_nodes_the_program_says_so(registry, monkeypatch):
    monkeypatch.setitem(sys.modules, "core_pack_missing", None)

    with pytest.raises(NodePackError, match="built-in nodes"):
        packs.load_packs(registry, [], builtin="core_pack_missing")


def test_one_more_pack_can_be_loaded_while_the_program_runs(registry, tmp_path):
    load(registry, tmp_path)
    pack = write(tmp_path, "late", pack_text("Late"))

    assert asyncio.run(packs.load_custom_node(str(pack)))
    assert "Late" in registry.classes
    assert not asyncio.run(packs.load_custom_node(str(pack) + "_missing"))


def test_loading_works_inside_a_running_loop(registry, tmp_path):
    write(tmp_path, "one", pack_text("One"))

    async def inside():
        return load(registry, tmp_path)

    assert asyncio.run(inside())["one"].status == LOADED


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({"web__a_dot_js": ""}, "WEB_DIRECTORY = './web'\n"),
        ({"ui__a_dot_js": "", "pyproject_dot_toml": "[tool.comfy]\nweb = 'ui'\n"}, ""),
    ],
)
def test_e095_the_folder_of_scripts_is_found(registry, tmp_path, files, text):
    write(tmp_path, "webby", text + pack_text("W"), **files)

    report = load(registry, tmp_path)["webby"]

    assert report.scripts == ("a.js",)


SCRIPT = """
app.registerExtension({ beforeRegisterNodeDef(t, d) { if (d.name === "Changer") {
  t.prototype.onDrawForeground = () => {}; w.serializeValue = () => 1; t.addInput("x"); } } });
LiteGraph.registerNodeType("OnlyInScript", class {});
"""


def test_scripts_that_change_the_prompt_mark_the_nodes_they_name(registry, tmp_path):
    write(
        tmp_path,
        "webby",
        "WEB_DIRECTORY = 'web'\n" + pack_text("Changer", "Bystander"),
        web__a_dot_js=SCRIPT,
        web__lib__b_dot_js="const x = 'Bystander2';",
    )

    report = load(registry, tmp_path)["webby"]

    [hint] = report.script_hints
    assert hint.node == "Changer"
    assert hint.effects == ("grows slots", CHANGES_PROMPT, "decoration")
    assert hint.changes_prompt
    assert report.script_only_nodes == ("OnlyInScript",)
    assert report.scripts == ("a.js", "lib/b.js")
