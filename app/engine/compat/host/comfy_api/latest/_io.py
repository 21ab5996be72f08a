"""``comfy_api.latest._io``: an older way to the same names."""

from app.engine.node_types.v3.io import *  # noqa: F403 - this module is those names
