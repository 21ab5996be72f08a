"""Inputs that are evaluated only when asked for (rules E-330 to E-335)."""

from sample_nodes import add_class, graph, names, node


def pick(which, **extra):
    return graph(
        bad=("Fail", {"text": "never"}), good=("Value", {"value": 3}),
        pick=("Pick", {"which": which, "yes": ["bad", 0], "no": ["good", 0]}),
        out=("Show", {"value": ["pick", 0]}), **extra,
    )  # fmt: skip


def test_e330_a_branch_that_is_not_asked_for_never_runs(run):
    result, _ = run(pick(False))

    assert result.status == "success"
    assert result.outputs["out"] == {"value": [3]}
    assert "bad" not in result.executed


def test_e331_the_branch_asked_for_runs_and_may_fail(run):
    result, _ = run(pick(True))

    assert (result.status, result.error["node_id"]) == ("error", "bad")


def test_e208_the_node_says_executing_again(run):
    _, events = run(pick(False))

    executing = [event.node for event in names(events, "executing")]
    assert executing == ["pick", "good", "pick", "out", None]


def asks(answer, *, lazies=("x",), **attributes):
    """Make a node whose lazy check gives ``answer(self, **inputs)``."""
    required = {name: ("*", {"lazy": True}) for name in lazies} | {"n": ("INT", {})}
    cls = node(required, returns=("*",), check_lazy_status=answer, **attributes)
    return cls(lambda self, n, **inputs: (tuple(inputs.get(name) for name in lazies),))


def test_e331_rounds_go_on_until_nothing_new_is_asked(run, engine):
    rounds = []

    def answer(self, n, x=None, y=None):
        rounds.append((x, y))
        return ["x"] if x is None else ["y"]

    add_class(engine, "Two", asks(answer, lazies=("x", "y")))
    result, _ = run(
        graph(a=("Value", {"value": 1}), b=("Value", {"value": 2}),
              t=("Two", {"n": 0, "x": ["a", 0], "y": ["b", 0]}),
              out=("Show", {"value": ["t", 0]}))
    )  # fmt: skip

    assert rounds == [(None, None), (1, None), (1, 2)]
    assert result.outputs["out"] == {"value": [(1, 2)]}


def test_e332_asking_for_what_is_there_is_harmless(run, engine):
    add_class(engine, "Again", asks(lambda self, n, x=None: ["n", "x", 5, None]))

    result, _ = run(
        graph(a=("Value", {"value": 1}), t=("Again", {"n": 0, "x": ["a", 0]}),
              out=("Show", {"value": ["t", 0]}))
    )  # fmt: skip

    assert result.outputs["out"] == {"value": [(1,)]}


def test_e331_an_answer_that_is_no_list_is_ignored(run, engine):
    add_class(engine, "Odd", asks(lambda self, n, x=None: "x"))

    result, _ = run(
        graph(a=("Value", {"value": 1}), t=("Odd", {"n": 0, "x": ["a", 0]}),
              out=("Show", {"value": ["t", 0]}))
    )  # fmt: skip

    assert result.outputs["out"] == {"value": [(None,)]}


def test_e333_asking_for_an_input_that_is_not_there_fails(run, engine):
    add_class(engine, "Wish", asks(lambda self, n, x=None: ["z"]))

    result, _ = run(
        graph(a=("Value", {"value": 1}), t=("Wish", {"n": 0, "x": ["a", 0]}),
              out=("Show", {"value": ["t", 0]}))
    )  # fmt: skip

    assert result.error["exception_type"].endswith("NodeInputError")
    assert result.error["exception_message"].strip() == (
        "Node t says it needs input z, but there is no input to that node at all"
    )


def test_e333_asking_for_an_undeclared_constant_fails(run, engine):
    add_class(engine, "Wish", asks(lambda self, n, x=None: ["z"]))

    result, _ = run(
        graph(a=("Value", {"value": 1}), t=("Wish", {"n": 0, "x": ["a", 0], "z": 4}),
              out=("Show", {"value": ["t", 0]}))
    )  # fmt: skip

    assert "but that value is a constant" in result.error["exception_message"]


def test_e334_without_a_check_a_lazy_input_is_none(run, engine):
    add_class(engine, "No", node({"x": ("*", {"lazy": True})}, returns=("*",))(
        lambda self, x: (x,)
    ))  # fmt: skip

    result, _ = run(
        graph(a=("Value", {"value": 1}), t=("No", {"x": ["a", 0]}),
              out=("Show", {"value": ["t", 0]}))
    )  # fmt: skip

    assert result.outputs["out"] == {"value": [None]}
    assert "a" not in result.executed


def test_e335_a_source_that_ran_already_costs_one_more_check(run, engine):
    rounds = []

    def answer(self, n, x=None):
        rounds.append(x)
        return ["x"]

    add_class(engine, "Ask", asks(answer))
    result, _ = run(
        graph(a=("Value", {"value": 1}), first=("Show", {"value": ["a", 0]}),
              t=("Ask", {"n": 0, "x": ["a", 0]}), out=("Show", {"value": ["t", 0]}))
    )  # fmt: skip

    assert rounds == [None, 1]
    assert result.executed.count("a") == 1


def test_e919_no_node_runs_twice_without_a_cache(make_engine, run_on):
    engine = make_engine(cache="none")
    add_class(engine, "Ask", asks(lambda self, n, x=None: ["x"]))

    result, _ = run_on(
        engine,
        graph(a=("Value", {"value": 1}), first=("Show", {"value": ["a", 0]}),
              t=("Ask", {"n": 0, "x": ["a", 0]}), out=("Show", {"value": ["t", 0]})),
    )  # fmt: skip

    assert result.outputs["out"] == {"value": [(1,)]}
    assert result.executed.count("a") == 1


def test_e313_an_async_check_is_awaited(run, engine):
    async def answer(self, n, x=None):
        return ["x"]

    add_class(engine, "Ask", asks(answer))

    result, _ = run(
        graph(a=("Value", {"value": 1}), t=("Ask", {"n": 0, "x": ["a", 0]}),
              out=("Show", {"value": ["t", 0]}))
    )  # fmt: skip

    assert result.outputs["out"] == {"value": [(1,)]}


def test_e324_a_blocked_check_is_skipped(run, engine):
    add_class(engine, "Ask", asks(lambda self, n, x=None: ["x"]))

    result, _ = run(
        graph(g=("Gate", {"value": 1, "message": ""}), bad=("Fail", {"text": "never"}),
              t=("Ask", {"n": ["g", 0], "x": ["bad", 0]}), out=("Show", {"value": ["t", 0]}))
    )  # fmt: skip

    assert (result.status, result.outputs) == ("success", {})


def test_e330_lazy_checks_follow_the_lists(run, engine):
    seen = []

    def answer(self, n, x=None):
        seen.append(n)
        return ["x"] if n == 2 else []

    add_class(engine, "Ask", asks(answer))
    run(
        graph(l=("Numbers", {"count": 3}), a=("Value", {"value": 1}),
              t=("Ask", {"n": ["l", 0], "x": ["a", 0]}), out=("Show", {"value": ["t", 0]}))
    )  # fmt: skip

    assert seen == [0, 1, 2, 0, 1, 2]


def test_e405a_a_branch_that_did_not_run_still_counts_for_the_key(run):
    prompt = pick(False)
    run(prompt)
    prompt["bad"]["inputs"]["text"] = "other"

    assert "pick" in run(prompt)[0].executed
