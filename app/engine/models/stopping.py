"""Lets Stop reach into a single call of a network."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from torch import nn

Check = Callable[[], None]
"""Called often; raises to stop."""


def blocks_of(network: nn.Module) -> list[nn.Module]:
    """Return the blocks of a network: the composed members of its lists and sequences.

    Single layers are left out, so that asking costs nothing beside the work of a block.
    """
    found = {
        id(child): child
        for module in network.modules()
        if isinstance(module, (nn.ModuleList, nn.Sequential))
        for child in module.children()
        if next(child.children(), None) is not None
    }
    return list(found.values())


@contextlib.contextmanager
def stop_between_blocks(network: Any, check: Check | None) -> Iterator[None]:
    """Call ``check`` before each block of a network while the ``with`` statement runs.

    Args:
        network: The network; anything that is no ``torch.nn.Module`` is left alone.
        check: Raises to stop; None asks nobody.
    """
    if check is None or not isinstance(network, nn.Module):
        yield
        return
    ask = check

    def before(module: nn.Module, arguments: Any) -> None:
        ask()

    handles = [block.register_forward_pre_hook(before) for block in blocks_of(network)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
