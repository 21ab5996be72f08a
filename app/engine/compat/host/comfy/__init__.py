"""``comfy``: the parts of the reference's core that packs reach into."""
