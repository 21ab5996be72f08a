"""Names of what is dragged inside the program."""

NODE_MIME = "application/x-easel-node-type"
"""A node dragged out of the library; the data is the node's type name."""
