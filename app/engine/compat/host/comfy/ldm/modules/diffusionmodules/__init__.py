"""``comfy.ldm.modules.diffusionmodules``: networks under the names that packs know."""
