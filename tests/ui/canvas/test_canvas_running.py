import pytest
from canvas_hands import node_type, raw_node, raw_workflow
from PySide6.QtCore import QEvent, QObject, QPointF
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest

from app.ui.canvas import export
from app.ui.run_state import NodePhase


def picture(width=64, height=48, color=0xFF336699):
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(color)
    return image


class PaintWatch(QObject):
    """Adds up the pixels that a widget is asked to paint."""

    def __init__(self, widget):
        super().__init__()
        self.pixels = 0
        widget.installEventFilter(self)

    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint:
            self.pixels += sum(part.width() * part.height() for part in event.region())
        return False


def start(canvas, key="2", value=3, maximum=20):
    run = canvas.run_state.node(key)
    run.phase, run.value, run.maximum = NodePhase.RUNNING, value, maximum
    canvas.run_state.node_changed.emit(key)
    QTest.qWait(60)
    return run


def test_u346_progress_paints_no_more_than_the_bar_of_the_node(canvas):
    run = start(canvas)
    watch = PaintWatch(canvas.view.viewport())

    run.value = 4
    canvas.run_state.progress_changed.emit("2")
    QTest.qWait(30)

    # The title bar, and the pixel that antialiasing may touch on each side.
    bar = (240 + 2) * (30 + 4)
    assert 0 < watch.pixels <= bar


def test_u345_a_running_node_is_outlined_until_it_is_done(canvas):
    run = start(canvas)
    assert list(canvas.scene.run.running) == ["2"]

    run.phase = NodePhase.DONE
    canvas.run_state.node_changed.emit("2")

    assert not canvas.scene.run.running


def test_u368_a_failed_node_offers_its_remedy(canvas, qtbot):
    canvas.scene.remedies = {"2": "Choose another"}
    run = canvas.run_state.node("2")
    run.phase, run.problem = NodePhase.FAILED, "File not found"
    canvas.run_state.node_changed.emit("2")
    strip = canvas.item(2).outline.bottomLeft()
    strip.setX(strip.x() + 100)
    strip.setY(strip.y() + 20)

    with qtbot.waitSignal(canvas.view.remedy_requested) as asked:
        canvas.click(canvas.pixel(strip))

    assert asked.args == ["2"]


def test_u148_a_node_grows_for_its_pictures_but_the_file_does_not_change(canvas):
    before = canvas.file()
    run = canvas.run_state.node("3")
    run.images, run.image_sizes = [picture()], [(640, 480)]

    canvas.run_state.node_changed.emit("3")

    assert canvas.item(3).size == (160, 20 + 6 + 224)
    assert canvas.bound.nodes["3"].node.size == (160, 60)
    assert canvas.file() == before


def test_u226_undo_never_touches_results(canvas):
    run = canvas.run_state.node("3")
    run.images, run.image_sizes = [picture()], [(640, 480)]
    canvas.run_state.node_changed.emit("3")
    canvas.click(canvas.title(3))
    canvas.view.actions.nudge(10, 0)

    canvas.undo()

    assert canvas.item(3).layout.output is not None


def test_a_double_click_on_a_picture_opens_it(canvas, qtbot):
    run = canvas.run_state.node("3")
    run.images, run.image_sizes = [picture()], [(640, 480)]
    canvas.run_state.node_changed.emit("3")
    center = canvas.item(3).layout.output.center() + canvas.item(3).pos()

    with qtbot.waitSignal(canvas.view.picture_opened) as opened:
        canvas.double_click(canvas.pixel(center))

    assert opened.args == ["3", 0]


@pytest.fixture
def loader(make_canvas, monkeypatch):
    import canvas_hands

    upload = {"image_upload": True}
    kind = node_type("LoadImage", outputs=["IMAGE"], widgets=[("image", [["a.png"], upload])])
    monkeypatch.setitem(canvas_hands.TYPES, "LoadImage", kind)
    return make_canvas(
        raw_workflow([raw_node(1, "LoadImage", (60, 80), (270, 102), values=["a.png", "image"])])
    )


def test_u250_a_node_shows_the_file_it_is_set_to(loader, tmp_path, qtbot):
    picture(2000, 1000).save(str(tmp_path / "a.png"))

    loader.view.chosen.set_finder(lambda name: tmp_path / name)

    qtbot.waitUntil(lambda: loader.item(1).chosen_picture is not None)
    image, size = loader.item(1).chosen_picture
    assert size == (2000, 1000)
    assert max(image.width(), image.height()) == 1024
    assert loader.item(1).layout.output is not None


def test_u250_a_file_that_cannot_be_read_shows_nothing(loader, tmp_path, qtbot):
    (tmp_path / "a.png").write_text("not a picture")

    loader.view.chosen.set_finder(lambda name: tmp_path / name)
    loader.view.chosen._pool.waitForDone()
    QTest.qWait(5)

    assert loader.item(1).chosen_picture is None


def test_u412_a_picture_of_the_canvas_shows_everything(canvas):
    image = export.render_image(canvas.scene, scale=0.5)

    bounds = canvas.view.actions.bounds()
    assert image.width() == round((bounds.width() + 40) * 0.5)
    body = canvas.view.theme.color("node.body")
    place = (canvas.item(3).outline.center() - bounds.topLeft()) * 0.5
    assert image.pixelColor(int(place.x() + 10), int(place.y() + 20)) == body


def test_the_same_canvas_can_be_shown_dark_and_light(canvas):
    from app.ui import theme

    canvas.view.set_style(theme.load_style("light"))
    canvas.view.pump.finish()

    picture = canvas.view.grab().toImage()
    assert picture.pixelColor(5, 5) == theme.load_style("light").color("surface.canvas")


def test_entering_another_graph_selects_nothing_there(canvas):
    canvas.view.actions.select_all()
    canvas.document.graph_reset.emit()
    assert len(canvas.scene.selection.nodes) == 3

    canvas.scene._graph_id = "another"
    canvas.document.graph_reset.emit()

    assert not canvas.scene.selection


def show(canvas, key, **more):
    """Let the run of a node be like this."""
    run = canvas.run_state.node(key)
    for name, value in more.items():
        setattr(run, name, value)
    canvas.run_state.node_changed.emit(key)
    return canvas.item(key)


def test_u347_a_node_keeps_its_size_from_preview_to_result(canvas):
    item = show(canvas, "3", phase=NodePhase.RUNNING, preview=picture())
    grown = item.size

    assert grown[1] > 200
    assert show(canvas, "3", phase=NodePhase.DONE, preview=None).size == grown
    sized = {"images": [picture()], "image_sizes": [(64, 48)]}
    assert show(canvas, "3", **sized).size == grown
    assert show(canvas, "3", phase=NodePhase.WAITING).size == grown


def test_u347_a_node_without_results_keeps_its_last_preview(canvas):
    item = show(canvas, "3", phase=NodePhase.RUNNING, preview=picture(color=0xFFCC3300))
    show(canvas, "3", phase=NodePhase.DONE, preview=None)
    QTest.qWait(60)
    area = item.layout.output
    pixel = canvas.pixel(item.pos() + area.topLeft() + QPointF(area.width() / 2, 20)).toPoint()

    assert canvas.view.grab().toImage().pixelColor(pixel).name() == "#cc3300"


def test_u347_links_follow_a_node_that_grows(make_canvas):
    canvas = make_canvas(
        raw_workflow(
            [
                raw_node(1, "Loader", (60, 80), values=["a.png"]),
                raw_node(2, "Filter", (400, 80), values=[4]),
            ],
            [(1, 1, 2, 0, "IMAGE")],
        )
    )
    show(canvas, "2", phase=NodePhase.RUNNING, preview=picture())

    end = canvas.scene.links.item.curves("1")[-1][6:]
    assert end == canvas.item(2).link_end(0, is_output=False)


def test_u347_a_text_box_keeps_its_height_when_a_picture_comes(make_canvas):
    canvas = make_canvas(raw_workflow([raw_node(1, "Prompt", (60, 80), (300, 160), ["words"])]))
    before = canvas.item(1).row_of("text").height()

    show(canvas, "1", phase=NodePhase.RUNNING, preview=picture())

    assert canvas.item(1).row_of("text").height() == pytest.approx(before, abs=4.0)
    assert canvas.item(1).layout.output.height() >= 200.0


def test_u347_a_stored_size_that_holds_the_picture_is_kept(make_canvas):
    canvas = make_canvas(raw_workflow([raw_node(1, "Prompt", (60, 80), (300, 460), ["words"])]))

    assert show(canvas, "1", phase=NodePhase.RUNNING, preview=picture()).size == (300.0, 460.0)
