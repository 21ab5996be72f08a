"""The commands that need no window: one module each. See :mod:`app.headless`."""
