"""``comfy_extras``: core nodes by the file they lie in; see the tables of the finder."""
