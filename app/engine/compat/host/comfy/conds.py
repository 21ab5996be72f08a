"""``comfy.conds``: conditions as a network takes them."""

from __future__ import annotations

from app.engine.models.conds import (
    Cond,
    CondConstant,
    CondCrossAttention,
    CondList,
    CondNoiseShape,
)

CONDRegular = Cond
CONDNoiseShape = CondNoiseShape
CONDCrossAttn = CondCrossAttention
CONDConstant = CondConstant
CONDList = CondList
