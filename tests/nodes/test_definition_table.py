"""The table that the window paints from before the engine has loaded."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

RESOURCES = Path(__file__).parents[2] / "resources"


def test_the_table_is_current(definitions: dict[str, dict[str, Any]]) -> None:
    table = json.loads(gzip.decompress((RESOURCES / "node_definitions.json.gz").read_bytes()))

    outdated = [
        name
        for name in {*table, *definitions}
        if table.get(name) != json.loads(json.dumps(definitions.get(name)))
    ]

    assert outdated == [], "run tools/build_node_definitions.py"
