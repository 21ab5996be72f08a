"""The engine as scripts and the window use it (docs/scripting.md)."""

import os
import subprocess
import sys
import threading
import time

import pytest

from app.engine import Engine, RunResult
from app.engine.errors import (
    EngineStateError,
    Interrupted,
    NodeExecutionError,
    PromptError,
    SettingsError,
)


class Number:
    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"value": ("INT", {"max": 100})}}

    RETURN_TYPES = ("INT",)
    FUNCTION = "run"

    def run(self, value):
        if value < 0:
            raise ValueError("below zero")
        return (value,)


class Show:
    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"value": ("INT",)}}

    RETURN_TYPES = ()
    FUNCTION = "run"
    OUTPUT_NODE = True

    def run(self, value):
        return {"ui": {"value": [value]}}


def prompt(value=1):
    return {
        "1": {"class_type": "Number", "inputs": {"value": value}},
        "2": {"class_type": "Show", "inputs": {"value": ["1", 0]}},
    }


@pytest.fixture
def engine(tmp_path):
    with Engine(tmp_path) as engine:
        engine.registry.classes.update(Number=Number, Show=Show)
        yield engine


def test_a_run_gives_outputs_values_and_costs(engine):
    result = engine.run(prompt(), targets=["2", ("1", 0)])

    assert isinstance(result, RunResult)
    assert (result.status, result.outputs) == ("success", {"2": {"value": [1]}})
    assert result.results == {("1", 0): [1]}
    assert [(n.node_id, n.class_type, n.cached) for n in result.report.nodes] == [
        ("1", "Number", False), ("2", "Show", False)
    ]  # fmt: skip
    assert result.report.seconds > 0
    assert result.raise_if_failed() is result


def test_decision_1_only_one_engine_lives(engine, tmp_path):
    with pytest.raises(EngineStateError, match="already running"):
        Engine(tmp_path)


def test_decision_1_a_closed_engine_makes_room(tmp_path):
    modules = set(sys.modules)
    for _ in range(2):
        engine = Engine(tmp_path)
        engine.close()
        engine.close()

    assert "folder_paths" not in set(sys.modules) - modules


def test_a_bad_cache_setting_makes_no_engine(tmp_path):
    with pytest.raises(SettingsError):
        Engine(tmp_path, cache="huge")
    Engine(tmp_path).close()


def test_a_closed_engine_runs_nothing(tmp_path):
    engine = Engine(tmp_path)
    engine.close()

    with pytest.raises(EngineStateError, match="closed"):
        engine.run(prompt())
    with pytest.raises(EngineStateError, match="closed"):
        engine.submit(prompt())


def test_e106_an_invalid_prompt_is_a_result(engine):
    result = engine.run(prompt(value=500))

    assert (result.status, result.is_valid) == ("error", False)
    assert result.error["type"] == "prompt_outputs_failed_validation"
    assert result.node_errors["1"]["errors"][0]["type"] == "value_bigger_than_max"
    assert len(engine.history) == 0
    with pytest.raises(PromptError) as raised:
        result.raise_if_failed()
    assert raised.value.node_errors == result.node_errors


def test_e105_valid_outputs_run_although_others_fail(engine):
    good = prompt()
    good["3"] = {"class_type": "Show", "inputs": {}}

    result = engine.run(good)

    assert (result.status, result.executed) == ("success", ["1", "2"])
    assert list(result.node_errors) == ["3"]


def test_a_failed_node_can_be_raised(engine):
    with pytest.raises(NodeExecutionError, match="below zero") as raised:
        engine.run(prompt(value=-1)).raise_if_failed()

    assert (raised.value.node_id, raised.value.node_type) == ("1", "Number")
    assert "below zero" in raised.value.details


def test_a_stopped_run_can_be_raised():
    with pytest.raises(Interrupted):
        RunResult("x", status="interrupted").raise_if_failed()


def test_submitted_prompts_run_in_order(engine):
    first = engine.submit(prompt(1))
    second = engine.submit(prompt(2), front=True)
    third = engine.submit(prompt(3), prompt_id="mine")

    assert [item.prompt_id for item in engine.queue.pending] == [second, first, third]
    results = [engine.run_next(0) for _ in range(3)]
    assert [result.prompt_id for result in results] == [second, first, "mine"]
    assert engine.run_next(0) is None
    assert list(engine.history.get()) == [second, first, "mine"]


def test_a_submitted_prompt_is_a_copy(engine):
    mine = prompt(1)
    engine.submit(mine)
    mine["1"]["inputs"]["value"] = 9
    mine["2"]["inputs"]["value"][0] = "gone"

    assert engine.run_next(0).outputs == {"2": {"value": [1]}}


def test_e550_the_history_keeps_the_prompt_after_validation(engine):
    engine.run(prompt("7"))

    (entry,) = engine.history.get().values()
    assert entry["prompt"][2]["1"]["inputs"] == {"value": 7}
    assert entry["prompt"][4] == ["2"]
    assert [name for name, _ in entry["status"]["messages"]] == [
        "execution_start", "execution_cached", "execution_success"
    ]  # fmt: skip


def test_e910_a_cached_run_has_its_outputs_in_the_history(engine):
    engine.run(prompt())
    result = engine.run(prompt())

    assert result.executed == []
    assert engine.history.get()[result.prompt_id]["outputs"] == {"2": {"value": [1]}}


def test_e509_status_follows_the_queue(engine):
    counts = []
    unsubscribe = engine.subscribe(
        lambda event: counts.append(event.queue_remaining) if event.NAME == "status" else None
    )
    engine.submit(prompt())
    engine.run_next(0)
    unsubscribe()
    engine.submit(prompt())

    assert counts == [1, 0]


def test_a_worker_thread_can_run_the_queue(engine):
    done = threading.Event()
    results = []

    def work():
        while not done.is_set():
            result = engine.run_next(timeout_s=5)
            if result is not None:
                results.append(result.status)
                if len(results) == 3:
                    done.set()

    thread = threading.Thread(target=work)
    thread.start()
    for value in range(3):
        engine.submit(prompt(value))
    thread.join(10)

    assert results == ["success"] * 3


def test_a_node_may_not_start_a_run(engine):
    class Nested(Show):
        def run(self, value):
            return engine.run(prompt())

    engine.registry.classes["Show"] = Nested

    result = engine.run(prompt())

    assert result.error["exception_type"].endswith("EngineStateError")
    assert engine.queue.remaining == 0


def test_a_node_may_not_run_the_queue(engine):
    class Nested(Show):
        def run(self, value):
            return engine.run_next(0)

    engine.registry.classes["Show"] = Nested
    waiting = engine.submit(prompt(5))

    assert engine.run(prompt()).error["exception_type"].endswith("EngineStateError")
    assert [item.prompt_id for item in engine.queue.pending] == [waiting]


def test_e543_free_drops_what_is_kept(engine):
    engine.run(prompt())
    engine.free(free_memory=True)

    assert engine.run(prompt()).executed == ["1", "2"]


def test_e543_free_waits_for_the_end_of_the_run(engine):
    class Freeing(Show):
        def run(self, value):
            engine.free(free_memory=True)
            return {}

    engine.registry.classes["Show"] = Freeing
    engine.submit(prompt())
    assert engine.run_next(0).status == "success"

    assert engine.run(prompt()).executed == ["1", "2"]


def test_e704_secrets_stay_out_of_queue_and_history(engine):
    engine.submit(prompt(), extra_data={"auth_token_comfy_org": "s3cret"})
    waiting = engine.queue.pending[0]
    engine.run_next(0)

    assert waiting.sensitive == {"auth_token_comfy_org": "s3cret"}
    assert "s3cret" not in str(waiting.extra_data)
    assert "s3cret" not in str(engine.history.get())


def test_object_info_describes_node_types(engine):
    assert engine.object_info("Number")["Number"]["output"] == ["INT"]
    assert set(engine.object_info()) == {"Number", "Show"}
    assert engine.object_info("Nothing") == {}


def test_e740_prompt_handlers_of_packs_may_rewrite_a_prompt(engine):
    from server import PromptServer

    def rewrite(body):
        body["prompt"]["1"]["inputs"]["value"] = 42
        return body

    PromptServer.instance.add_on_prompt_handler(rewrite)

    assert engine.run(prompt()).outputs == {"2": {"value": [42]}}


def test_packs_are_loaded_and_broken_ones_reported(tmp_path):
    packs = tmp_path / "more"
    (packs / "good").mkdir(parents=True)
    (packs / "good" / "__init__.py").write_text(
        "class A:\n"
        "    RETURN_TYPES = ()\n    FUNCTION = 'run'\n    OUTPUT_NODE = True\n"
        "    @classmethod\n    def INPUT_TYPES(cls): return {}\n"
        "    def run(self): return {'ui': {'text': ['hi']}}\n"
        "NODE_CLASS_MAPPINGS = {'PackA': A}\n"
    )
    (packs / "bad.py").write_text("raise SystemExit(1)\n")

    with Engine(tmp_path, pack_dirs=[packs]) as engine:
        engine.load_packs()
        statuses = {report.name: report.status for report in engine.pack_reports}
        result = engine.run({"1": {"class_type": "PackA", "inputs": {}}})

    assert statuses == {"good": "loaded", "bad": "failed"}
    assert result.outputs == {"1": {"text": ["hi"]}}


@pytest.mark.parametrize("module", ["app.engine", "app.engine.workflow.model", "app.engine.events"])
def test_decision_3_importing_does_not_load_torch(module):
    code = f"import sys, {module}; sys.exit(any(m in sys.modules for m in ('torch', 'numpy')))"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_decision_3_names_are_lazy():
    import app.engine

    assert app.engine.Engine is Engine
    with pytest.raises(AttributeError, match="Motor"):
        _ = app.engine.Motor


def test_decision_10_old_temp_files_go_at_start(tmp_path):
    temp = tmp_path / "temp"
    temp.mkdir()
    for name, days in (("old.png", 2), ("new.png", 0)):
        (temp / name).write_bytes(b"x")
        then = time.time() - days * 86400
        os.utime(temp / name, (then, then))

    Engine(tmp_path).close()

    assert [file.name for file in temp.iterdir()] == ["new.png"]


def test_decision_10_temp_files_of_the_session_go_at_the_end(tmp_path):
    other = tmp_path / "temp" / "of_another_program.png"
    mine = tmp_path / "temp" / "a" / "mine.png"
    mine.parent.mkdir(parents=True)

    class Preview(Show):
        def run(self, value):
            for file in (mine, other):
                file.write_bytes(b"x")
            named = {"filename": "mine.png", "subfolder": "a", "type": "temp"}
            outside = {"filename": "../output/kept.png", "subfolder": "", "type": "temp"}
            return {"ui": {"images": [named, outside], "text": "none"}}

    with Engine(tmp_path) as engine:
        engine.registry.classes.update(Number=Number, Show=Preview)
        kept = tmp_path / "output" / "kept.png"
        kept.write_bytes(b"x")
        assert engine.run(prompt()).status == "success"
        assert mine.exists()

    assert (mine.exists(), other.exists(), kept.exists()) == (False, True, True)


@pytest.mark.parametrize("kind", ["output", "input", "temp"])
def test_a_folder_can_be_changed_and_brought_back(engine, tmp_path, kind):
    import folder_paths

    engine.set_folder(kind, tmp_path / "else" / "where")
    read = getattr(folder_paths, f"get_{kind}_directory")
    assert read() == str(tmp_path / "else" / "where")
    assert (tmp_path / "else" / "where").is_dir()

    engine.set_folder(kind, "")
    assert read() == str(tmp_path / kind)


def test_only_three_folders_can_be_changed(engine):
    with pytest.raises(SettingsError, match="models"):
        engine.set_folder("models", "x")


def test_a_folder_is_not_changed_in_the_middle_of_a_run(engine, tmp_path):
    class Moving(Show):
        def run(self, value):
            engine.set_folder("output", tmp_path / "b")

    engine.registry.classes["Show"] = Moving

    assert "EngineStateError" in engine.run(prompt()).error["exception_type"]


def test_packs_of_the_extra_paths_file_are_loaded(tmp_path):
    more = tmp_path / "shared_packs"
    more.mkdir()
    (more / "extra.py").write_text("NODE_CLASS_MAPPINGS = {'FromExtraPath': type('N', (), {})}\n")
    home = tmp_path / "home"
    home.mkdir()
    (home / "extra_model_paths.yaml").write_text(f"mine:\n  custom_nodes: {more}\n")

    with Engine(home) as engine:
        engine.load_packs()
        assert "FromExtraPath" in engine.registry.classes


def test_e742_wrappers_of_the_executor_see_runs_of_the_engine(engine):
    import execution

    seen = []
    original = execution.PromptExecutor.execute

    def wrapped(self, prompt, prompt_id, extra_data=None, execute_outputs=()):
        seen.append((prompt_id, list(execute_outputs)))
        return original(self, prompt, prompt_id, extra_data, execute_outputs)

    execution.PromptExecutor.execute = wrapped
    result = engine.run(prompt())

    assert (result.status, seen) == ("success", [(result.prompt_id, ["2"])])


def test_packs_can_await_on_the_loop_of_the_server(engine):
    import asyncio

    from server import PromptServer

    async def ask():
        return "answered"

    class Asking(Show):
        def run(self, value):
            future = asyncio.run_coroutine_threadsafe(ask(), PromptServer.instance.loop)
            return {"ui": {"value": [future.result(timeout=10)]}}

    engine.registry.classes["Show"] = Asking

    assert engine.run(prompt()).outputs == {"2": {"value": ["answered"]}}


def test_a_listener_may_print(engine):
    class Printing(Show):
        def run(self, value):
            sys.stdout.write("from the node\n")
            return {}

    engine.registry.classes["Show"] = Printing
    lines = []

    def on_event(event):
        sys.stderr.write("from the listener\n")
        if event.NAME == "logs":
            lines.append(event.text)

    assert engine.run(prompt(), on_event=on_event).status == "success"
    assert lines == ["from the node"]


@pytest.mark.parametrize(("slot", "value"), [(-1, 3), (-3, 1), (True, 2)])
def test_e005_e121_a_negative_slot_counts_from_the_end(engine, slot, value):
    class Three(Number):
        RETURN_TYPES = ("INT",) * 3

        def run(self, value):
            return (1, 2, 3)

    engine.registry.classes["Number"] = Three
    linked = prompt()
    linked["2"]["inputs"]["value"] = ["1", slot]

    assert engine.run(linked).outputs == {"2": {"value": [value]}}


def test_e121_a_negative_slot_out_of_range_is_an_error(engine):
    linked = prompt()
    linked["2"]["inputs"]["value"] = ["1", -2]

    result = engine.run(linked)

    assert result.node_errors["2"]["errors"][0]["details"] == "tuple index out of range"
