"""Stand-ins for host names that do not exist here yet.

A missing name would stop a whole pack from being imported, so the names on the table in
:mod:`app.engine.compat.standin_table` can be imported, derived from, used in annotations and
asked for attributes. Calling one, or reading its items, raises a clear error.
"""

from __future__ import annotations

from abc import ABCMeta
from typing import Any, NoReturn

from app.engine.errors import EaselError


class NotSupportedHereError(EaselError):
    """A node pack used a part of its host that does not exist here.

    Attributes:
        name: Dotted name of the part.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"not supported here: {name}")
        self.name = name


class StandInMeta(ABCMeta):
    """Metaclass of stand-ins. It derives from ABCMeta so that packs may mix them with ABCs."""

    def __getattr__(cls, name: str) -> Any:
        path = cls.__dict__.get("_stand_in_for")
        if path is None or name.startswith("__"):
            raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")
        inner = stand_in(f"{path}.{name}")
        setattr(cls, name, inner)
        return inner

    def __call__(cls, *args: Any, **kwargs: Any) -> NoReturn:
        """Say that the part does not exist here; also for classes derived from it."""
        raise NotSupportedHereError(name_of(cls))

    def __iter__(cls) -> NoReturn:
        raise NotSupportedHereError(name_of(cls))

    def __len__(cls) -> NoReturn:
        raise NotSupportedHereError(name_of(cls))

    def __getitem__(cls, key: Any) -> NoReturn:
        raise NotSupportedHereError(name_of(cls))

    def __contains__(cls, item: Any) -> NoReturn:
        raise NotSupportedHereError(name_of(cls))

    def __bool__(cls) -> bool:
        return True

    def __repr__(cls) -> str:
        return f"<{name_of(cls)}, which is not supported here>"


def stand_in(path: str) -> type:
    """Make the stand-in for a dotted name such as ``comfy.sd.VAE``."""
    module, _, name = path.rpartition(".")
    body = {
        "_stand_in_for": path,
        "__module__": module,
        "__doc__": f"Stands in for ``{path}``, which is not supported here.",
    }
    return StandInMeta(name, (), body)


def name_of(cls: type) -> str:
    """Return the dotted name that a stand-in, or a class derived from one, is about."""
    for base in cls.__mro__:
        path = base.__dict__.get("_stand_in_for")
        if path is not None:
            return str(path)
    return cls.__name__
