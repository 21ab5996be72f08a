"""``comfy.options``: whether the host reads its own command line; here it never does."""

args_parsing = False


def enable_args_parsing(enable: bool = True) -> None:
    """Remember the wish; there is no command line of the reference's kind here."""
    global args_parsing
    args_parsing = enable
