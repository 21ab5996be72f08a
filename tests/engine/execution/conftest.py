import pytest
import sample_nodes

from app.engine import Engine


@pytest.fixture
def make_engine(tmp_path):
    engines = []

    def make(**options):
        for engine in engines:
            engine.close()
        engine = Engine(tmp_path, **options)
        engine.registry.classes.update(sample_nodes.CLASSES)
        engines.append(engine)
        return engine

    yield make
    for engine in engines:
        engine.close()


@pytest.fixture
def engine(make_engine):
    return make_engine()


@pytest.fixture
def run(engine):
    """Run a prompt; the result carries its events as ``events``."""

    def run(prompt, **options):
        return run_with(engine, prompt, **options)

    return run


def run_with(engine, prompt, **options):
    events = []
    result = engine.run(prompt, on_event=events.append, **options)
    return result, events


@pytest.fixture
def run_on():
    return run_with
