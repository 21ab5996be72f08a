"""One list of what waits, runs and has ended (E-560 to E-564)."""

import pytest
from sample_nodes import add_class, graph, node

from app.engine.execution.jobs import list_jobs

GOOD = graph(out=("Show", {"value": 1}))


def extra(workflow="w", created=5):
    return {"extra_pnginfo": {"workflow": {"id": workflow}}, "create_time": created}


def picture(name="a.png", kind="output", **more):
    return {"filename": name, "subfolder": "", "type": kind, **more}


def run_showing(engine, ui, **options):
    add_class(engine, "Ui", node(returns=(), OUTPUT_NODE=True)(lambda self: {"ui": ui}))
    engine.free(free_memory=True)
    return engine.run(graph(n=("Ui", {})), **options).prompt_id


def test_e560_a_waiting_job_has_no_empty_fields(engine):
    engine.submit(GOOD, prompt_id="a", extra_data=extra())

    assert engine.job("a") == {
        "id": "a", "status": "pending", "priority": 0, "create_time": 5, "outputs_count": 0,
        "workflow_id": "w",
    }  # fmt: skip


def test_e560_e561_a_finished_job_tells_its_times(engine):
    engine.submit(GOOD, prompt_id="a", extra_data=extra())
    engine.run_next(0)
    [job] = engine.jobs()["jobs"]

    assert (job["status"], job["create_time"], job["workflow_id"]) == ("completed", 5, "w")
    assert job["execution_end_time"] >= job["execution_start_time"] > 5
    assert "execution_error" not in job


def test_e560_the_running_job_is_in_progress(engine):
    seen = []

    def look(self):
        seen.extend(engine.jobs()["jobs"])
        return ()

    add_class(engine, "Look", node(returns=(), OUTPUT_NODE=True)(look))
    engine.submit(graph(n=("Look", {})), prompt_id="now")
    engine.submit(GOOD, prompt_id="later")
    engine.run_next(0)

    assert {job["id"]: job["status"] for job in seen} == {
        "now": "in_progress", "later": "pending"
    }  # fmt: skip


def test_e561_a_failed_job_carries_its_error_and_a_stopped_one_does_not(engine):
    def fail(self):
        raise ValueError("broken")

    def stop(self):
        engine.interrupt()
        while True:
            pass

    for name, body in (("Fail", fail), ("Stop", stop)):
        add_class(engine, name, node(returns=(), OUTPUT_NODE=True)(body))
        engine.submit(graph(n=(name, {})), prompt_id=name)
        engine.run_next(0)

    failed, stopped = engine.job("Fail"), engine.job("Stop")
    assert (failed["status"], stopped["status"]) == ("failed", "failed")
    assert "broken" in failed["execution_error"]["exception_message"]
    assert "execution_error" not in stopped


def test_e562_outputs_are_counted_without_animated(engine):
    job_id = run_showing(
        engine, {"images": [picture(), picture("b.png")], "animated": [True], "text": ["no dict"]}
    )

    assert engine.job(job_id)["outputs_count"] == 2


@pytest.mark.parametrize(
    ("ui", "chosen"),
    [
        ({"images": [picture("t.png", "temp"), picture("o.png")]}, "o.png"),
        ({"images": [picture("t.png", "temp"), picture("u.png", "temp")]}, "t.png"),
        ({"3d": [picture("M.GLB")]}, "M.GLB"),
        ({"gifs": [picture("v.bin", format="video/h264")]}, "v.bin"),
        ({"files": [picture("notes.txt")]}, None),
    ],
)
def test_e562_the_preview_is_the_first_result_that_can_be_shown(engine, ui, chosen):
    preview = engine.job(run_showing(engine, ui)).get("preview_output")

    assert (preview or {}).get("filename") == chosen
    if chosen:
        assert (preview["nodeId"], preview["mediaType"]) == ("n", next(iter(ui)))


@pytest.fixture
def many(engine):
    for name, created in (("a", 3), ("b", 1), ("c", 2)):
        engine.submit(GOOD, prompt_id=name, extra_data=extra(f"of {name}", created))
    engine.run_next(0)
    return engine


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({}, "acb"),
        ({"sort_order": "asc"}, "bca"),
        ({"statuses": ["PENDING "]}, "cb"),
        ({"statuses": ["completed", "failed"]}, "a"),
        ({"workflow_id": "of b"}, "b"),
        ({"limit": 1}, "a"),
        ({"limit": 1, "offset": 1}, "c"),
        ({"offset": -4}, "acb"),
        ({"offset": 9}, ""),
        ({"sort_by": "execution_duration", "sort_order": "asc"}, "bca"),
    ],
)
def test_e563_the_list_is_filtered_sorted_and_cut(many, wanted, ids):
    assert "".join(job["id"] for job in many.jobs(**wanted)["jobs"]) == ids


def test_e563_pagination_tells_whether_there_is_more(many):
    assert many.jobs(limit=2)["pagination"] == {
        "offset": 0, "limit": 2, "total": 3, "has_more": True
    }  # fmt: skip
    assert not many.jobs(limit=2, offset=1)["pagination"]["has_more"]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"statuses": ["odd"]}, "Invalid status value"),
        ({"sort_by": "name"}, "sort_by must be"),
        ({"sort_order": "up"}, "sort_order must be"),
        ({"limit": 0}, "limit must be a positive integer"),
    ],
)
def test_e563_e709_bad_questions_are_refused(engine, wanted, message):
    with pytest.raises(ValueError, match=message):
        list_jobs(engine.queue, engine.history, **wanted)


def test_e564_a_finished_job_in_full_has_outputs_and_workflow(engine):
    job_id = engine.run(GOOD, extra_data=extra()).prompt_id
    job = engine.job(job_id)

    assert job["outputs"] == {"out": {"value": [1]}}
    assert job["execution_status"]["completed"]
    assert job["workflow"]["prompt"]["out"]["class_type"] == "Show"
    assert engine.job("nobody") is None
