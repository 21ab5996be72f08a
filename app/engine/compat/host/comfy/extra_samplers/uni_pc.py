"""``comfy.extra_samplers.uni_pc``: the UniPC samplers."""

from __future__ import annotations

from comfy.k_diffusion.sampling import pack_form

from app.engine.diffusion.samplers.uni_pc import sample_uni_pc
from app.engine.diffusion.samplers.uni_pc import sample_uni_pc_bh2 as _sample_bh2

sample_unipc = pack_form("sample_unipc", sample_uni_pc)
sample_unipc_bh2 = pack_form("sample_unipc_bh2", _sample_bh2)
