"""``comfy.ldm``: networks under the names that packs know."""
