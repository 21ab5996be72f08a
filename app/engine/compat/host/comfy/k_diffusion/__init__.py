"""``comfy.k_diffusion``: samplers in the form that packs write and call them."""
