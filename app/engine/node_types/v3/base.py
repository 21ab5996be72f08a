"""What every V3 io type is made of: inputs, outputs, and the type that ties them together.

An io type is a class with a name (``io_type``) and two nested classes, ``Input`` and
``Output``, whose instances stand in a node's schema (rules E-073 to E-077).
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

OptionsDict = dict[str, Any]


def plain(value: Any) -> Any:
    """Return the value of an enum member, or ``value`` itself."""
    return value.value if isinstance(value, enum.Enum) else value


def drop_none(options: Mapping[str, Any]) -> OptionsDict:
    """Copy ``options`` without the entries that are None; enum members become values."""
    return {key: plain(value) for key, value in options.items() if value is not None}


class Input:
    """One declared input of a V3 node.

    Attributes:
        id: Name in the prompt and of the keyword argument.
        display_name: Words shown to the artist instead of the id.
        optional: Whether the prompt may leave it out.
        tooltip: Help text.
        lazy: Whether it is evaluated only when asked for.
        extra_dict: Further options, passed on as they are.
        raw_link: Whether the node gets the link itself instead of its value.
        options: Keywords this version does not know; they are passed on too.
    """

    Parent: ClassVar[type[ComfyType]]

    def __init__(
        self,
        id: str,
        display_name: str | None = None,
        optional: bool = False,
        tooltip: str | None = None,
        lazy: bool | None = None,
        extra_dict: Mapping[str, Any] | None = None,
        raw_link: bool | None = None,
        **options: Any,
    ) -> None:
        self.id = id
        self.display_name = display_name
        self.optional = optional
        self.tooltip = tooltip
        self.lazy = lazy
        self.extra_dict = dict(extra_dict or {})
        self.raw_link = raw_link
        self.options = options

    @property
    def io_type(self) -> str:
        """Type name as the prompt sees it; may be a comma-joined union."""
        return self.Parent.io_type

    def get_io_type(self) -> str:
        """Return :attr:`io_type`; the name packs know."""
        return self.io_type

    def as_dict(self) -> OptionsDict:
        """Return the options as object_info shows them (E-075)."""
        return drop_none(
            {
                "display_name": self.display_name,
                "tooltip": self.tooltip,
                "lazy": self.lazy,
                "rawLink": self.raw_link,
                **self.type_options(),
                **self.options,
                **self.extra_dict,
            }
        )

    def type_options(self) -> OptionsDict:
        """Return the options that belong to the type; None values are dropped later."""
        return {}

    def declare(self) -> tuple[str, OptionsDict]:
        """Return the input as an INPUT_TYPES entry."""
        return (self.io_type, self.as_dict())


class WidgetInput(Input):
    """An input that has a widget unless it is linked (E-076).

    Attributes:
        default: Value of a fresh widget.
        socketless: Whether no socket is shown.
        widget_type: Type whose widget is used instead.
        force_input: Whether a socket is shown instead of the widget.
    """

    def __init__(
        self,
        id: str,
        display_name: str | None = None,
        optional: bool = False,
        tooltip: str | None = None,
        lazy: bool | None = None,
        default: Any = None,
        socketless: bool | None = None,
        widget_type: str | None = None,
        force_input: bool | None = None,
        extra_dict: Mapping[str, Any] | None = None,
        raw_link: bool | None = None,
        **options: Any,
    ) -> None:
        super().__init__(id, display_name, optional, tooltip, lazy, extra_dict, raw_link, **options)
        self.default = default
        self.socketless = socketless
        self.widget_type = widget_type
        self.force_input = force_input

    def type_options(self) -> OptionsDict:
        """Return the options every widget has."""
        return {
            "default": self.default,
            "socketless": self.socketless,
            "widgetType": self.widget_type,
            "forceInput": self.force_input,
        }


class DynamicInput(Input):
    """An input that stands for several, depending on what the prompt holds (E-080 to E-086)."""

    def inner_inputs(self, prompt_inputs: Mapping[str, Any], path: str) -> list[Input]:
        """Return the inputs that are live below ``path``.

        Args:
            prompt_inputs: Inputs of the prompt's node, with flat names.
            path: Flat name of this input.
        """
        raise NotImplementedError

    def all_inner_inputs(self) -> list[Input]:
        """Return every input this one may stand for."""
        raise NotImplementedError


class Output:
    """One declared output of a V3 node.

    Attributes:
        id: Name, unique in the node; made up by the schema when None.
        display_name: Words shown; the id when not given.
        tooltip: Help text.
        is_output_list: Whether the node returns a list that is spread over later calls.
        options: Keywords this version does not know.
    """

    Parent: ClassVar[type[ComfyType]]

    def __init__(
        self,
        id: str | None = None,
        display_name: str | None = None,
        tooltip: str | None = None,
        is_output_list: bool = False,
        **options: Any,
    ) -> None:
        self.id = id
        self.display_name = display_name or id
        self.tooltip = tooltip
        self.is_output_list = is_output_list
        self.options = options

    @property
    def io_type(self) -> str:
        """Type name."""
        return self.Parent.io_type

    def get_io_type(self) -> str:
        """Return :attr:`io_type`; the name packs know."""
        return self.io_type

    @property
    def label(self) -> str:
        """The name shown beside the socket."""
        return self.display_name or self.io_type


class ComfyType:
    """Base of all io types. A subclass sets ``io_type`` and may replace ``Input``/``Output``.

    Attributes:
        io_type: Name of the type in prompts and descriptions.
        Type: What a value of the type is, for annotations.
    """

    io_type: ClassVar[str] = ""
    Type: Any = Any
    Input: type[Input]
    Output: type[Output]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        bind_type(cls)


def bind_type(cls: type[ComfyType]) -> None:
    """Give ``cls`` nested classes of its own that know their type."""
    for nested in ("Input", "Output"):
        base = getattr(cls, nested, None)
        if base is not None:
            body = {"Parent": cls, "__module__": cls.__module__, "__doc__": base.__doc__}
            body["__qualname__"] = f"{cls.__qualname__}.{nested}"
            setattr(cls, nested, type(nested, (base,), body))


class ComfyTypeI(ComfyType):
    """An io type that can only be an input."""

    class Input(Input):
        """An input of this type."""


class ComfyTypeIO(ComfyTypeI):
    """An io type that can be an input and an output."""

    class Output(Output):
        """An output of this type."""


AnyClass = TypeVar("AnyClass", bound=type)


def comfytype(io_type: str, **attributes: Any) -> Callable[[AnyClass], AnyClass]:
    """Turn the decorated class into an io type named ``io_type`` (E-074).

    A class that does not derive from :class:`ComfyTypeIO` is given its ``Input`` and
    ``Output``.
    """

    def decorate(cls: AnyClass) -> AnyClass:
        made: Any = cls
        if not issubclass(made, ComfyType):
            body = {
                key: value
                for key, value in vars(cls).items()
                if key not in ("__dict__", "__weakref__")
            }
            bases = [base for base in cls.__bases__ if base is not object]
            made = type(cls.__name__, (*bases, ComfyTypeIO), body)
        made.io_type = io_type
        for key, value in attributes.items():
            setattr(made, key, value)
        return made  # type: ignore[no-any-return]

    return decorate


def Custom(io_type: str) -> type[ComfyTypeIO]:  # noqa: N802 - the contract's name
    """Make an io type for a name of a pack's own (E-074)."""
    return type(io_type, (ComfyTypeIO,), {"io_type": io_type})
