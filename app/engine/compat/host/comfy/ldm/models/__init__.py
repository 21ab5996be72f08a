"""``comfy.ldm.models``: encoders of pictures."""
