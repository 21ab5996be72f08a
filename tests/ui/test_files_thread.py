"""Work for the disk happens elsewhere; its answers come back on the GUI thread, or not at all."""

import threading

import pytest

from app.ui.files_thread import FilesThread


@pytest.fixture
def files(qtbot):
    made = FilesThread()
    yield made
    made.close()


def test_work_is_done_elsewhere_and_answered_here(qtbot, files):
    heard = []

    files.submit(threading.get_ident, lambda there: heard.append((there, threading.get_ident())))

    qtbot.waitUntil(lambda: bool(heard), timeout=5000)
    ((there, here),) = heard
    assert here == threading.get_ident() != there


def test_work_that_fails_gives_no_answer_and_the_next_goes_on(qtbot, files):
    heard = []

    files.submit(lambda: 1 // 0, heard.append)
    files.submit(lambda: "next", heard.append)

    qtbot.waitUntil(lambda: bool(heard), timeout=5000)
    assert heard == ["next"]


def test_closing_waits_for_the_work_at_hand_and_drops_the_rest(qtbot, files):
    begun, may_end, done, heard = threading.Event(), threading.Event(), [], []

    def work():
        begun.set()
        may_end.wait(5)
        done.append("first")
        return "answer"

    files.submit(work, heard.append)
    files.submit(lambda: done.append("second"), heard.append)
    assert begun.wait(5)
    threading.Timer(0.05, may_end.set).start()
    files.close()
    files.submit(lambda: done.append("third"), heard.append)
    qtbot.wait(50)

    assert (done, heard) == (["first"], [])
