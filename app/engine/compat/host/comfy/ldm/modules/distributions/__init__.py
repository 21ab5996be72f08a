"""``comfy.ldm.modules.distributions``: networks under the names that packs know."""
