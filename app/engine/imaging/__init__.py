"""Pure functions on picture tensors: resizing, tiling, blending, masks, filters.

Nothing here knows of nodes, files or settings. Names follow the house rule: ``samples`` is
``(batch, channels, height, width)``, ``image`` is ``(batch, height, width, channels)`` with
values from 0 to 1, ``mask`` is ``(batch, height, width)``. Functions never change their inputs.
"""
