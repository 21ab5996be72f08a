"""``comfy_api``: the interface of V3 packs, in the versions they name."""
