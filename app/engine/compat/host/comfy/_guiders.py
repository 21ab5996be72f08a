"""The guiders of the built-in nodes, made so that packs see and change their runs.

Their names are those of :mod:`app.engine.diffusion.guidance`, and those that packs import from
``comfy_extras``.
"""

from __future__ import annotations

from typing import Any

import comfy.samplers

from app.engine.diffusion import guidance

CfgGuider: Any = comfy.samplers.CFGGuider


class BasicGuider(CfgGuider):  # type: ignore[misc]  # a live name of packs
    """One prompt, no guidance (D-066)."""

    def set_conds(self, positive: Any, negative: Any = None) -> None:
        """Set the prompt; a negative one is not used."""
        self.inner_set_conds({"positive": positive})


class DualCfgGuider(guidance.DualCfgGuider, CfgGuider):  # type: ignore[misc]  # see above
    """Two positive prompts with a guidance scale each (D-066)."""


class PerpNegGuider(guidance.PerpNegGuider, CfgGuider):  # type: ignore[misc]  # see above
    """Only the part of the negative prompt at right angles to the positive counts."""


Guider_Basic = BasicGuider
Guider_DualCFG = DualCfgGuider
Guider_PerpNeg = PerpNegGuider
