"""``comfy_execution``: what packs reach of the executor."""
