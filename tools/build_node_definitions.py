"""Rebuild ``resources/node_definitions.json.gz``, the table of the built-in node types.

The window paints from this table until the engine has loaded, and the command line reads it
where running nothing is the point. It is one JSON object in the form of object_info: entries by
node type, in the order of the built-in pack. Lists of files are empty in it, since they belong
to an artist's folders.

Usage: ``python tools/build_node_definitions.py [--check]``; ``--check`` writes nothing and ends
with 1 when the table is not current.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "resources" / "node_definitions.json.gz"


def collect() -> dict[str, Any]:
    """Return object_info of the built-in nodes, as read in an empty home folder."""
    from app.engine.engine import Engine

    with tempfile.TemporaryDirectory() as home, Engine(home) as engine:
        engine.load_packs()
        described: dict[str, Any] = json.loads(json.dumps(engine.object_info()))
    return described


def encode(definitions: dict[str, Any]) -> bytes:
    """Return the file for a table; equal tables give equal bytes."""
    text = json.dumps(definitions, ensure_ascii=False, separators=(",", ":"))
    return gzip.compress(text.encode("utf-8"), compresslevel=9, mtime=0)


def read() -> dict[str, Any]:
    """Return the table as it is now; empty when there is none."""
    if not TABLE.is_file():
        return {}
    table: dict[str, Any] = json.loads(gzip.decompress(TABLE.read_bytes()))
    return table


def main(arguments: list[str] | None = None) -> int:
    """Rebuild or check the table; return the exit status."""
    parser = argparse.ArgumentParser(description="Rebuild the table of built-in node types.")
    parser.add_argument("--check", action="store_true", help="only tell whether it is current")
    options = parser.parse_args(arguments)
    definitions = collect()
    is_current = definitions == read()
    if options.check:
        print("current" if is_current else f"{TABLE.name} is out of date; run this tool.")
        return 0 if is_current else 1
    if not is_current:
        TABLE.write_bytes(encode(definitions))
    print(f"{len(definitions)} node types in {TABLE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
