"""Small node classes for tests of the engine, written as a pack would write them."""

from __future__ import annotations

import asyncio
import time

from app.engine.execution.blocker import ExecutionBlocker
from app.engine.execution.graph_builder import GraphBuilder
from app.engine.execution.progress import report_progress

ANY = "*"


def node(required=None, optional=None, hidden=None, returns=(), **attributes):
    """Make a V1 class from a function ``run``."""

    def make(function):
        sections = {"required": required or {}}
        if optional:
            sections["optional"] = optional
        if hidden:
            sections["hidden"] = hidden
        body = {
            "INPUT_TYPES": classmethod(lambda cls: sections),
            "RETURN_TYPES": tuple(returns),
            "FUNCTION": "run",
            "run": function,
            **attributes,
        }
        return type(function.__name__, (), body)

    return make


@node({"value": (ANY,)}, returns=(ANY,))
def Value(self, value):
    return (value,)


@node({"a": ("INT,FLOAT",), "b": ("INT,FLOAT", {"default": 1})}, returns=("INT,FLOAT",))
def Add(self, a, b):
    return (a + b,)


@node({"value": (ANY,)}, OUTPUT_NODE=True, INPUT_IS_LIST=True)
def Show(self, value):
    return {"ui": {"value": list(value)}}


@node({"count": ("INT", {})}, returns=("INT", "STRING"), OUTPUT_IS_LIST=(True, False))
def Numbers(self, count):
    return (list(range(count)), f"n={count}")


@node({"values": (ANY,)}, returns=("STRING",), INPUT_IS_LIST=True)
def Join(self, values):
    return ("-".join(str(value) for value in values),)


@node({"a": (ANY,)}, {"b": (ANY,)}, returns=(ANY,))
def Pair(self, a, b="absent"):
    return ((a, b),)


class Pick:
    """Lazy: asks only for the branch it needs."""

    @classmethod
    def INPUT_TYPES(cls):
        return {
            "required": {
                "which": ("BOOLEAN", {}),
                "yes": (ANY, {"lazy": True}),
                "no": (ANY, {"lazy": True}),
            }
        }

    RETURN_TYPES = (ANY,)
    FUNCTION = "run"

    def check_lazy_status(self, which, yes=None, no=None):
        wanted = "yes" if which else "no"
        return [wanted] if (yes if which else no) is None else []

    def run(self, which, yes=None, no=None):
        return (yes if which else no,)


@node({"value": (ANY,), "message": ("STRING", {})}, {"open": ("BOOLEAN", {})}, returns=(ANY, ANY))
def Gate(self, value, message, open=False):
    return (value if open else ExecutionBlocker(message or None), value)


@node({"text": ("STRING", {})}, returns=(ANY,))
def Fail(self, text):
    raise ValueError(text)


@node({"seconds": ("FLOAT", {}), "value": (ANY,)}, returns=(ANY,))
async def Wait(self, seconds, value):
    await asyncio.sleep(seconds)
    return (value,)


@node({"steps": ("INT", {})}, returns=("INT",))
def Steps(self, steps):
    for step in range(steps):
        report_progress(step + 1, steps)
    return (steps,)


@node({"seconds": ("FLOAT", {})}, returns=("FLOAT",))
def Spin(self, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
    return (seconds,)


@node({"start": (ANY, {"rawLink": True}), "steps": ("INT", {})}, returns=("INT",))
def Repeat(self, start, steps):
    graph = GraphBuilder()
    link = start
    for step in range(steps):
        link = graph.node("Add", a=link, b=step).out(0)
    return {"result": (link,), "expand": graph.finalize()}


@node({"value": ("INT", {}), "trail": ("STRING", {})}, returns=("STRING",))
def Countdown(self, value, trail):
    if value <= 0:
        return (trail + "end",)
    graph = GraphBuilder()
    again = graph.node("Countdown", value=value - 1, trail=f"{trail}{value} ")
    return {"result": (again.out(0),), "expand": graph.finalize()}


@node({"value": (ANY,)}, returns=(ANY,), IS_CHANGED=classmethod(lambda cls, value: float("nan")))
def Always(self, value):
    return (value,)


@node(hidden={"me": "UNIQUE_ID"}, returns=("STRING",))
def WhoAmI(self, me):
    return (me,)


class Counter:
    """Counts the calls of its instance."""

    def __init__(self):
        self.calls = 0

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {}, "optional": {"trigger": (ANY,)}}

    @classmethod
    def IS_CHANGED(cls, trigger=None):
        return float("nan")

    RETURN_TYPES = ("INT",)
    FUNCTION = "run"

    def run(self, trigger=None):
        self.calls += 1
        return (self.calls,)


CLASSES = {
    cls.__name__: cls
    for cls in (
        Value, Add, Show, Numbers, Join, Pair, Pick, Gate, Fail, Wait, Steps, Spin, Repeat,
        Countdown, Always, WhoAmI, Counter,
    )
}  # fmt: skip


def graph(**nodes):
    """Write a prompt: ``graph(n1=("Add", {"a": 1, "b": ["n0", 0]}))``."""
    return {
        node_id: {"class_type": class_type, "inputs": inputs}
        for node_id, (class_type, inputs) in nodes.items()
    }


def add_class(engine, name, cls):
    """Register one more class under ``name``."""
    engine.registry.classes[name] = cls


def names(events, kind):
    """Return the events of one kind."""
    return [event for event in events if kind == event.NAME]
