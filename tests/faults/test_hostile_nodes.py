"""Whatever a node does, its run ends as a named result and the next run works."""

import asyncio
import gc
import locale
import os
import sys
import threading
import time
import warnings

import pytest

from app.engine import Engine


@pytest.fixture
def engine(tmp_path):
    with Engine(tmp_path) as engine:
        engine.registry.classes["Good"] = make(lambda self: {"ui": {"fine": [True]}})
        yield engine
        assert engine.run(one("Good")).outputs == {"n": {"fine": [True]}}


def make(function, **attributes):
    body = {
        "INPUT_TYPES": classmethod(lambda cls: {"required": {}}),
        "RETURN_TYPES": (),
        "FUNCTION": "run",
        "OUTPUT_NODE": True,
        "run": function,
        **attributes,
    }
    return type("Hostile", (), body)


def one(class_type):
    return {"n": {"class_type": class_type, "inputs": {}}}


def run(engine, function, **attributes):
    engine.registry.classes["Hostile"] = make(function, **attributes)
    events = []
    result = engine.run(one("Hostile"), on_event=events.append)
    return result, events


class UnprintableError(Exception):
    def __str__(self):
        raise RuntimeError("not even that")


class RudeError(BaseException):
    def __str__(self):
        sys.exit(1)


def raises(error):
    def function(self):
        raise error

    return function


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ValueError("boom"), "ValueError"),
        (SystemExit(3), "SystemExit"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (GeneratorExit(), "GeneratorExit"),
        (asyncio.CancelledError(), "asyncio.exceptions.CancelledError"),
        (StopIteration(5), "StopIteration"),
        (RecursionError("deep"), "RecursionError"),
        (MemoryError(), "MemoryError"),
        (UnprintableError(), f"{__name__}.UnprintableError"),
        (RudeError(), f"{__name__}.RudeError"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_every_kind_of_exception_ends_as_a_named_error(engine, error, kind):
    result, events = run(engine, raises(error))

    assert result.status == "error"
    assert result.error["exception_type"] == kind
    assert isinstance(result.error["exception_message"], str)
    assert [event.NAME for event in events][-3:-1] == ["execution_error", "executing"]


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), UnprintableError()])
@pytest.mark.parametrize("method", ["__init__", "IS_CHANGED", "VALIDATE_INPUTS", "INPUT_TYPES"])
def test_the_other_methods_may_raise_as_well(engine, error, method):
    def fail(*args, **kwargs):
        raise error

    function = fail if method == "__init__" else classmethod(fail)
    results = []

    def work():
        results.append(run(engine, lambda self: (), **{method: function})[0])
        results.append(run(engine, lambda self: ())[0])

    # As in the window, the engine runs beside the main thread, which alone gets a real Ctrl-C.
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(30)

    assert [result.status for result in results] == [
        "success" if method == "IS_CHANGED" else "error",
        "success",
    ]


def test_endless_recursion(engine):
    def function(self):
        return function(self)

    result, _ = run(engine, function)

    assert result.error["exception_type"] == "RecursionError"
    assert len(result.error["traceback"]) < 100


@pytest.mark.parametrize("value", [7, object(), float("nan")])
def test_a_result_that_is_no_result(engine, value):
    result, _ = run(engine, lambda self: value, RETURN_TYPES=("INT",))

    assert result.error["exception_type"] == "TypeError"


def test_too_few_values_leave_later_slots_empty(engine):
    engine.registry.classes["Few"] = make(lambda self: (1,), RETURN_TYPES=("INT", "INT"))

    result = engine.run(one("Few"), targets=[("n", 0), ("n", 1)])

    assert result.results == {("n", 0): [1], ("n", 1): []}


def test_nan_is_a_value_like_others(engine):
    engine.registry.classes["Nan"] = make(lambda self: (float("nan"),), RETURN_TYPES=("FLOAT",))

    (value,) = engine.run(one("Nan"), targets=[("n", 0)]).results[("n", 0)]

    assert value != value


def test_an_allocation_far_too_large(engine):
    result, _ = run(engine, lambda self: bytearray(1 << 62))

    assert result.error["exception_type"] in ("MemoryError", "OverflowError")


def test_a_million_printed_lines(engine):
    def function(self):
        for number in range(1_000_000):
            sys.stdout.write(f"line {number}\n")
        return ()

    real = sys.stdout
    with open(os.devnull, "w") as nowhere:
        sys.stdout = nowhere
        try:
            started = time.process_time()
            result, events = run(engine, function)
            seconds = time.process_time() - started
        finally:
            sys.stdout = real

    told = [event for event in events if event.NAME == "logs"]
    assert result.status == "success"
    assert len(told) == 1001
    assert "more than 1000 lines" in told[-1].text
    assert seconds < 20


def test_one_endless_line(engine):
    def function(self):
        for _ in range(1000):
            sys.stdout.write("x" * 10_000)
        return ()

    real = sys.stdout
    with open(os.devnull, "w") as nowhere:
        sys.stdout = nowhere
        try:
            _, events = run(engine, function)
        finally:
            sys.stdout = real

    (line,) = [event for event in events if event.NAME == "logs"]
    assert len(line.text) <= 4001


def test_a_node_that_closes_the_output(engine):
    def function(self):
        sys.stdout.close()
        sys.stdout.write("still here\n")
        return ()

    result, events = run(engine, function)

    assert result.status == "success"
    assert [event.text for event in events if event.NAME == "logs"] == ["still here"]


def test_a_node_that_replaces_the_output(engine):
    class Wrapper:
        def __init__(self, stream):
            self.stream = stream

        def write(self, text):
            return self.stream.write(text)

        def flush(self):
            self.stream.flush()

    real = sys.stdout

    def function(self):
        sys.stdout = Wrapper(sys.stdout)
        sys.stdout.write("once\n")
        return ()

    try:
        _, first = run(engine, function)
        engine.free(free_memory=True)
        _, second = run(engine, lambda self: (sys.stdout.write("twice\n"), ())[1])
    finally:
        sys.stdout = real

    texts = [event.text for event in [*first, *second] if event.NAME == "logs"]
    assert texts == ["once", "twice"]


def test_a_thread_that_goes_on(engine):
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait, daemon=True)

    def function(self):
        thread.start()
        return ()

    try:
        assert run(engine, function)[0].status == "success"
    finally:
        stop.set()
        thread.join()


def test_the_working_folder_is_put_back(engine, tmp_path, caplog):
    before = os.getcwd()

    run(engine, lambda self: (os.chdir(tmp_path), ())[1])

    assert os.getcwd() == before
    assert "working folder" in caplog.text


def test_the_locale_is_put_back(engine):
    before = locale.setlocale(locale.LC_ALL)
    other = "C" if before != "C" else "C.UTF-8"

    run(engine, lambda self: (locale.setlocale(locale.LC_ALL, other), ())[1])

    assert locale.setlocale(locale.LC_ALL) == before


@pytest.mark.parametrize(
    "change", [warnings.resetwarnings, lambda: warnings.simplefilter("ignore")]
)
def test_warning_filters_are_put_back(engine, change):
    before = list(warnings.filters)

    run(engine, lambda self: (change(), ())[1])

    assert list(warnings.filters) == before


def test_a_filter_for_one_message_stays(engine):
    run(engine, lambda self: (warnings.filterwarnings("ignore", "easel test"), ())[1])

    assert warnings.filters[0][0] == "ignore"
    warnings.filters.pop(0)


def test_the_default_dtype_is_put_back(engine):
    torch = pytest.importorskip("torch")

    run(engine, lambda self: (torch.set_default_dtype(torch.float16), ())[1])

    assert torch.get_default_dtype() == torch.float32


def test_gradients_are_off_in_nodes_and_on_after(engine):
    torch = pytest.importorskip("torch")
    seen = []

    run(engine, lambda self: (seen.append(torch.is_inference_mode_enabled()), ())[1])

    assert seen == [True]
    assert not torch.is_inference_mode_enabled()


def test_a_node_that_empties_its_prompt(engine):
    def function(self, prompt, graph):
        prompt.clear()
        return ()

    hidden = classmethod(lambda cls: {"hidden": {"prompt": "PROMPT", "graph": "DYNPROMPT"}})
    result, _ = run(engine, function, INPUT_TYPES=hidden)

    assert result.status in ("success", "error")
    assert list(engine.history.get()[result.prompt_id]["prompt"][2]) == ["n"]


def test_values_that_fail_when_compared_or_hashed(engine):
    class Difficult:
        __hash__ = None

        def __eq__(self, other):
            raise RuntimeError("no comparing")

        def __bool__(self):
            raise RuntimeError("no truth")

        def __len__(self):
            raise RuntimeError("no length")

    engine.registry.classes["Give"] = make(lambda self: (Difficult(),), RETURN_TYPES=("*",))

    result = engine.run(one("Give"), targets=[("n", 0)])

    assert type(result.results[("n", 0)][0]) is Difficult


def test_a_ui_that_is_no_dictionary(engine):
    assert run(engine, lambda self: {"ui": 5})[0].status == "success"


def test_garbage_that_fails_when_collected(engine):
    class Cursed:
        def __init__(self):
            self.me = self

        def __del__(self):
            pass

    def function(self):
        Cursed()
        gc.collect()
        return ()

    assert run(engine, function)[0].status == "success"


def test_a_class_that_is_replaced_during_the_run(engine):
    def function(self):
        engine.registry.classes["Hostile"] = make(lambda self: {"ui": {"new": [1]}})
        return {"ui": {"old": [1]}}

    first, _ = run(engine, function)
    engine.free(free_memory=True)
    second = engine.run(one("Hostile"))

    assert first.outputs == {"n": {"old": [1]}}
    assert second.outputs == {"n": {"new": [1]}}


def test_a_tensor_far_too_large_is_told_as_out_of_memory(engine):
    torch = pytest.importorskip("torch")

    result, _ = run(engine, lambda self: (torch.empty(1 << 60),), RETURN_TYPES=("IMAGE",))

    assert result.error["exception_type"] in ("RuntimeError", "torch.OutOfMemoryError")
    assert "smaller picture" in result.error["exception_message"]


class Rude(BaseException):
    """Derived from nothing that is usually caught."""


@pytest.mark.parametrize("error", [Rude("x"), SystemExit(1), KeyboardInterrupt(), GeneratorExit()])
def test_every_kind_of_exception_in_a_coroutine_ends_as_a_named_error(engine, error):
    async def function(self):
        await asyncio.sleep(0)
        raise error

    result, _ = run(engine, function)

    assert result.status == "error"
    assert result.error["exception_type"].endswith(type(error).__name__)


@pytest.mark.parametrize("error", [Rude("x"), SystemExit(1), StopIteration(1)])
def test_every_kind_of_exception_in_work_left_behind_ends_as_a_named_error(engine, error):
    from app.engine.execution.finishing import finish_later

    def function(self):
        finish_later(lambda: raises(error)(self))
        return ()

    result, _ = run(engine, function, FINISHES_LATER=True)

    assert result.status == "error"
    assert result.error["exception_type"].endswith(type(error).__name__)


def test_an_exception_group(engine):
    result, _ = run(engine, raises(BaseExceptionGroup("many", [SystemExit(1), ValueError("x")])))

    assert result.error["exception_type"] == "BaseExceptionGroup"


def test_a_thread_that_prints_after_its_run(engine):
    said = threading.Event()
    go_on = threading.Event()

    def late():
        go_on.wait(10)
        sys.stdout.write("late\n")
        said.set()

    thread = threading.Thread(target=late, daemon=True)
    result, _ = run(engine, lambda self: (thread.start(), ())[1])
    go_on.set()

    assert said.wait(10)
    thread.join()
    assert result.status == "success"


def test_a_thread_that_never_ends_reports_progress_into_nothing(engine):
    from app.engine.execution.progress import report_progress

    stop = threading.Event()
    errors = []

    def forever():
        while not stop.is_set():
            try:
                report_progress(1, 2)
            except Exception as error:  # noqa: BLE001 - collected for the test
                errors.append(error)
            time.sleep(0.001)

    thread = threading.Thread(target=forever, daemon=True)
    run(engine, lambda self: (thread.start(), ())[1])
    try:
        for _ in range(20):
            assert engine.run(one("Good")).status == "success"
    finally:
        stop.set()
        thread.join()
    assert errors == []


def test_a_node_that_closes_the_event_loop(engine):
    async def function(self):
        asyncio.get_running_loop().stop()
        return ()

    assert run(engine, function)[0].status == "success"


def test_a_result_whose_length_lies(engine):
    class Liar:
        def __len__(self):
            return 2

        def __getitem__(self, index):
            raise IndexError(index)

    result, _ = run(engine, lambda self: Liar(), RETURN_TYPES=("*", "*"))

    assert result.error["exception_type"] == "IndexError"
