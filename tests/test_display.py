"""Whether a window can be shown is found out without Qt, which would end the program."""

import socket

import pytest

from app import main as program
from app.display import has_display


@pytest.fixture
def plain(monkeypatch):
    for name in ("QT_QPA_PLATFORM", "WAYLAND_DISPLAY", "DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    return monkeypatch


def test_no_variable_means_no_display(plain):
    assert not has_display()


@pytest.mark.parametrize("name", [":7341", "unix:7341", ":7341.0"])
def test_a_display_whose_server_has_gone_does_not_count(plain, name):
    plain.setenv("DISPLAY", name)

    assert not has_display()


def test_a_server_that_answers_counts(plain):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind("\0/tmp/.X11-unix/X7342")
        server.listen()
        plain.setenv("DISPLAY", ":7342")

        assert has_display()


def test_a_forwarded_display_counts(plain):
    with socket.create_server(("127.0.0.1", 0)) as server:
        plain.setenv("DISPLAY", f"127.0.0.1:{server.getsockname()[1] - 6000}.0")

        assert has_display()


@pytest.mark.parametrize("name", ["WAYLAND_DISPLAY", "QT_QPA_PLATFORM"])
def test_other_platforms_are_left_to_qt(plain, name):
    plain.setenv(name, "offscreen")

    assert has_display()


def test_without_a_display_every_file_runs_and_the_worst_code_is_returned(plain, capsys):
    ran = []
    codes = {"a.json": 0, "b.json": 2, "c.json": 0}

    def run(argv):
        ran.append(argv)
        return codes[argv[1]]

    plain.setattr("app.headless.run_command", run)

    assert program.main(["a.json", "b.json", "c.json", "--base-dir", "home"]) == 2
    assert [argv[1] for argv in ran] == ["a.json", "b.json", "c.json"]
    assert all(argv[2:] == ["--base-dir", "home"] for argv in ran)
    assert "a.json, b.json, c.json run without a window" in capsys.readouterr().out
