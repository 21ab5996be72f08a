"""Runs from the window: progress, pictures, problems and Stop reach the document they belong to."""

import sys
import time

import pytest

from app.engine.workflow.edits import add_node, connect, set_widget
from app.engine.workflow.reader import new_workflow
from app.ui.document import WorkflowDocument
from app.ui.engine_worker import EngineWorker
from app.ui.jobs import Job, lineage
from app.ui.run_controller import RunController
from app.ui.run_port import JobState
from app.ui.run_state import NodePhase, RunState

PACK = """
import time

class Spin:
    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"image": ("IMAGE",)}}
    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "run"
    def run(self, image):
        while True:
            try:
                time.sleep(0.001)
            except Exception:
                pass

class Raise(Spin):
    def run(self, image):
        raise ValueError("the sky is the wrong way up")

NODE_CLASS_MAPPINGS = {"Spin": Spin, "Raise": Raise}
"""


class Desk:
    """A document with its run state, on a running controller."""

    def __init__(self, controller, worker, home):
        self.controller = controller
        self.worker = worker
        self.home = home
        self.problems = []
        self.results = []
        controller.problem_raised.connect(self.problems.append)
        controller.result_added.connect(self.results.append)

    def open(self, *types):
        document = WorkflowDocument(new_workflow(), self.worker.engine.registry.definitions())
        self.document, self.state = document, RunState()
        self.keys = []
        for index, name in enumerate(types):
            definition = document.definitions[name]
            patch, key = add_node(
                document.workflow, document.bound, definition, (300.0 * index, 0.0)
            )
            document.apply(patch, "Add node")
            if self.keys:
                document.apply(
                    connect(document.workflow, document.bound, self.keys[-1], 0, key, 0), "Connect"
                )
            self.keys.append(key)
        self.set(0, "width", 40)
        self.set(0, "height", 24)
        return self

    def set(self, index, name, value):
        patch = set_widget(
            self.document.workflow, self.document.bound, self.keys[index], name, value
        )
        self.document.apply(patch, f"Change {name}")

    def phase(self, index):
        return self.state.node(self.keys[index]).phase


@pytest.fixture
def desk(qtbot, tmp_path):
    home = tmp_path / "home"
    (home / "custom_nodes").mkdir(parents=True)
    (home / "custom_nodes" / "odd.py").write_text(PACK, "utf-8")
    worker = EngineWorker(home)
    states = {}
    controller = RunController(worker, lambda document: states["desk"].state, home)
    with qtbot.waitSignal(worker.ready, timeout=60_000):
        worker.start()
    states["desk"] = desk = Desk(controller, worker, home)
    yield desk
    assert controller.close()


def finished(desk):
    return lambda: not desk.controller.state.jobs


def test_a_run_shows_phases_pictures_and_results(qtbot, desk):
    desk.open("EmptyImage", "SaveImage")

    desk.controller.run(desk.document, 1)
    qtbot.waitUntil(lambda: len(desk.results) == 1, timeout=20_000)
    qtbot.waitUntil(finished(desk), timeout=5000)

    assert [desk.phase(0), desk.phase(1)] == [NodePhase.DONE, NodePhase.DONE]
    saved = desk.state.node(desk.keys[1])
    assert saved.image_sizes == [(40, 24)]
    assert saved.images[0].width() == 40
    assert desk.results[0].path.startswith(str(desk.home / "output"))
    assert not desk.problems


def test_the_workflow_of_a_run_that_is_over_is_known(qtbot, desk):
    desk.open("EmptyImage", "SaveImage")
    desk.controller.run(desk.document, 1)
    qtbot.waitUntil(lambda: len(desk.results) == 1, timeout=20_000)
    qtbot.waitUntil(finished(desk), timeout=5000)

    workflow = desk.controller.workflow_of_run(desk.results[0].run_id)

    assert [node["type"] for node in workflow["nodes"]] == ["EmptyImage", "SaveImage"]
    assert desk.controller.workflow_of_run("unknown") is None


def test_what_did_not_change_is_kept_by_the_next_run(qtbot, desk):
    desk.open("EmptyImage", "SaveImage")
    for _ in range(2):
        desk.controller.run(desk.document, 1)
        qtbot.waitUntil(finished(desk), timeout=20_000)

    assert [desk.phase(0), desk.phase(1)] == [NodePhase.CACHED, NodePhase.CACHED]
    assert desk.state.node(desk.keys[1]).images


def test_a_refused_prompt_names_node_and_input_in_plain_words(qtbot, desk):
    desk.open("EmptyImage", "SaveImage")
    desk.set(0, "width", 10**9)

    desk.controller.run(desk.document, 1)
    qtbot.waitUntil(lambda: bool(desk.problems), timeout=20_000)
    qtbot.waitUntil(finished(desk), timeout=5000)

    problem = desk.problems[0]
    assert problem.title == "Value too big"
    assert problem.node_key == desk.keys[0]
    assert "1000000000" in problem.text
    assert desk.phase(0) is NodePhase.FAILED
    assert desk.state.node(desk.keys[0]).problem_input == "width"


def test_what_was_refused_before_is_not_marked_in_the_next_run(qtbot, desk):
    desk.open("EmptyImage", "SaveImage")
    desk.set(0, "width", 10**9)
    desk.controller.run(desk.document, 1)
    qtbot.waitUntil(lambda: bool(desk.problems), timeout=20_000)
    qtbot.waitUntil(finished(desk), timeout=5000)
    desk.set(0, "width", 40)
    desk.set(0, "height", 10**9)

    # The second refusal is about another input of the same node; marks of nodes that are
    # not refused again must go as well.
    desk.state.node("gone").phase = NodePhase.FAILED
    desk.controller.run(desk.document, 1)
    assert desk.phase(0) is NodePhase.IDLE
    qtbot.waitUntil(lambda: len(desk.problems) == 2, timeout=20_000)

    assert desk.state.node("gone").phase is NodePhase.IDLE
    assert desk.state.node(desk.keys[0]).problem_input == "height"


def test_a_loader_without_a_picture_asks_for_one(qtbot, desk):
    desk.open("EmptyImage", "SaveImage")
    registry = desk.worker.engine.registry.definitions()
    document = desk.document
    patch, key = add_node(document.workflow, document.bound, registry["LoadImage"], (0.0, 300.0))
    document.apply(patch, "Add node")
    document.apply(connect(document.workflow, document.bound, key, 0, desk.keys[1], 0), "Connect")

    desk.controller.run(document, 1)
    qtbot.waitUntil(lambda: bool(desk.problems), timeout=20_000)

    assert desk.problems[0].node_key == key
    assert desk.problems[0].text.startswith("Choose a picture")
    assert desk.problems[0].text.endswith("upload.")


def test_a_workflow_without_output_is_refused_with_advice(qtbot, desk):
    desk.open("EmptyImage")

    desk.controller.run(desk.document, 1)
    qtbot.waitUntil(lambda: bool(desk.problems), timeout=20_000)

    assert desk.problems[0].heading == "The workflow has no output"


def test_a_node_that_raises_is_marked_and_explained(qtbot, desk):
    desk.open("EmptyImage", "Raise", "SaveImage")

    desk.controller.run(desk.document, 1)
    qtbot.waitUntil(lambda: bool(desk.problems), timeout=20_000)
    qtbot.waitUntil(finished(desk), timeout=5000)

    problem = desk.problems[0]
    assert problem.heading == "Raise failed"
    assert "the sky is the wrong way up" in problem.text
    assert "ValueError" in problem.error
    assert [desk.phase(0), desk.phase(1)] == [NodePhase.DONE, NodePhase.FAILED]


def test_stop_ends_a_busy_node_within_two_seconds(qtbot, desk):
    desk.open("EmptyImage", "Spin", "SaveImage")
    desk.controller.run(desk.document, 1)
    qtbot.waitUntil(lambda: desk.phase(1) is NodePhase.RUNNING, timeout=20_000)

    started = time.monotonic()
    desk.controller.stop()
    qtbot.waitUntil(finished(desk), timeout=5000)

    assert time.monotonic() - started < 2
    assert desk.phase(1) is NodePhase.IDLE
    assert not desk.problems


def test_waiting_jobs_can_be_taken_out_while_one_runs(qtbot, desk):
    desk.open("EmptyImage", "Spin", "SaveImage")
    desk.controller.run(desk.document, 3)
    qtbot.waitUntil(lambda: desk.phase(1) is NodePhase.RUNNING, timeout=20_000)
    qtbot.waitUntil(lambda: desk.worker.engine.queue.remaining == 3, timeout=5000)

    desk.controller.clear_pending()

    assert [row.state for row in desk.controller.state.jobs] == [JobState.RUNNING]
    assert desk.worker.engine.queue.remaining == 1
    desk.controller.stop()
    qtbot.waitUntil(finished(desk), timeout=5000)


def test_a_document_that_was_closed_does_not_disturb_its_run(qtbot, desk):
    desk.open("EmptyImage", "SaveImage")

    desk.controller.run(desk.document, 1)
    desk.document.deleteLater()
    desk.document = None
    qtbot.waitUntil(finished(desk), timeout=20_000)

    assert not desk.problems


def test_a_pack_that_fails_is_a_problem_that_stops_nothing(qtbot, tmp_path):
    home = tmp_path / "home"
    (home / "custom_nodes").mkdir(parents=True)
    (home / "custom_nodes" / "broken.py").write_text("import no_such_module", "utf-8")
    worker = EngineWorker(home)
    controller = RunController(worker, lambda document: None, home)
    problems = []
    controller.problem_raised.connect(problems.append)

    worker.start()
    qtbot.waitUntil(lambda: bool(problems), timeout=60_000)

    assert "broken" in problems[0].heading
    assert not problems[0].stops_work
    assert controller.close()


def test_the_way_to_a_node_names_its_hosts_first():
    assert lineage("57") == ("57",)
    assert lineage("1:2:8") == ("1", "1:2", "1:2:8")


def test_a_host_is_done_when_all_inside_are():
    job = Job("j", "t", None, prompt={"5:1": {}, "5:2": {}, "6": {}})
    job.node_began("5:1", "5:1")
    job.finished.add("5:1")

    assert job.is_done("5:1")
    assert not job.is_done("5")
    job.finished.add("5:2")
    assert job.is_done("5")


STUBBORN = """
import time

RELEASE = []

class Stubborn:
    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"image": ("IMAGE",)}}
    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "run"
    def run(self, image):
        while True:
            try:
                while not RELEASE:
                    time.sleep(0.01)
                return (image,)
            except BaseException:
                pass

NODE_CLASS_MAPPINGS = {"Stubborn": Stubborn}
"""


def test_an_engine_whose_node_never_stops_is_restarted_without_losing_the_queue(
    qtbot, tmp_path, monkeypatch
):
    from app.ui import run_controller

    monkeypatch.setattr(run_controller, "STUCK_AFTER_MS", 2500)
    home = tmp_path / "home"
    (home / "custom_nodes").mkdir(parents=True)
    (home / "custom_nodes" / "stubborn.py").write_text(STUBBORN, "utf-8")
    worker = EngineWorker(home)
    states = {}
    controller = RunController(worker, lambda document: states["desk"].state, home)
    with qtbot.waitSignal(worker.ready, timeout=60_000):
        worker.start()
    states["desk"] = desk = Desk(controller, worker, home)
    desk.open("EmptyImage", "Stubborn", "SaveImage")
    modules = [m for name, m in sys.modules.items() if name.endswith("stubborn")]
    controller.run(desk.document, 1)
    qtbot.waitUntil(lambda: desk.phase(1) is NodePhase.RUNNING, timeout=20_000)
    stuck_document = desk.document
    desk.open("EmptyImage", "SaveImage")
    controller.run(desk.document, 1)
    qtbot.waitUntil(lambda: worker.engine.queue.remaining == 2, timeout=5000)

    controller.stop()
    qtbot.waitUntil(lambda: any(p.id == "stuck" for p in desk.problems), timeout=10_000)
    problem = next(p for p in desk.problems if p.id == "stuck")
    with qtbot.waitSignal(worker.ready, timeout=20_000):
        problem.remedies[0].run()
    qtbot.waitUntil(lambda: len(desk.results) == 1, timeout=20_000)

    assert problem.heading == "Stubborn does not react to Stop"
    assert stuck_document is not None
    for module in modules:
        module.RELEASE.append(1)
    qtbot.waitUntil(worker.isFinished, timeout=10_000)
    assert controller.close()
