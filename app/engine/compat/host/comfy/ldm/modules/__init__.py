"""``comfy.ldm.modules``: networks under the names that packs know."""
