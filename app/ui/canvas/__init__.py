"""The canvas: nodes and links of one document, and the gestures on them."""
