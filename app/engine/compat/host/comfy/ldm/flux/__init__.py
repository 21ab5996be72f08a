"""``comfy.ldm.flux``: parts of the Flux transformer."""
