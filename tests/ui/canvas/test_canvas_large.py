"""A workflow of 5,000 nodes on a real canvas: shown, panned, edited, and left as it was."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from PySide6.QtCore import QPointF, Qt

_SAMPLE = Path(__file__).parents[2] / "data" / "workflows" / "open" / "adv_5000_nodes.json.gz"


def test_a_workflow_of_5000_nodes_is_panned(make_canvas):
    raw = json.loads(gzip.decompress(_SAMPLE.read_bytes()))
    canvas = make_canvas(raw, size=(2600, 1200))

    assert len(canvas.scene.nodes) == 5000 == len(canvas.bound.nodes)
    canvas.key(Qt.Key.Key_Period)
    assert canvas.view.navigator.visible.contains(canvas.view.actions.bounds())
    for step in range(6):
        canvas.view.navigator.set_state(0.5, QPointF(-2000.0 * step, -300.0 * step))
        assert not canvas.view.grab().toImage().isNull()
    assert canvas.file() == raw
