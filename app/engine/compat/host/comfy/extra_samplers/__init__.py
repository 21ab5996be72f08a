"""``comfy.extra_samplers``: samplers that have modules of their own."""
