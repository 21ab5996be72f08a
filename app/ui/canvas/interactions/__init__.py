"""One class per mouse gesture on the canvas."""
