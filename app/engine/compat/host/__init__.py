"""Files that run under the names packs import; see :mod:`app.engine.compat.finder`.

Never import them by their path here: that would make a second copy of their state.
"""
