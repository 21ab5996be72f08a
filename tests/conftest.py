"""What every test relies on: no screen is needed."""

import os

# Before the first import of Qt. A developer may name another platform to watch the tests.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
