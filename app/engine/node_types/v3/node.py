"""The V3 node class, its results, and the class-level answers to V1 questions (E-060 to E-069)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, TypeGuard, TypeVar

from app.engine.node_types.v3.base import Output
from app.engine.node_types.v3.dynamic import MatchType, declare_inputs
from app.engine.node_types.v3.schema import HiddenHolder, Schema

Value = TypeVar("Value")


class NodeOutput:
    """What a V3 node returns (E-067).

    Attributes:
        args: The values of the output slots.
        ui: A dict for the interface, or an object with ``as_dict()``.
        expand: A graph that takes the node's place.
        block_execution: A text; every output then blocks what follows (E-069).
    """

    def __init__(
        self,
        *args: Any,
        ui: Any = None,
        expand: dict[str, Any] | None = None,
        block_execution: str | None = None,
    ) -> None:
        self.args = args
        self.ui = ui
        self.expand = expand
        self.block_execution = block_execution

    @property
    def result(self) -> tuple[Any, ...] | None:
        """The values, or None when there are none."""
        return self.args or None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> NodeOutput:
        """Read a V1 result dict: any of ``result``, ``ui``, ``expand``."""
        result = data.get("result")
        if is_blocker(result):
            return _blocked(result.message, data.get("ui"), data.get("expand"))
        return cls(*(result or ()), ui=data.get("ui"), expand=data.get("expand"))

    def __getitem__(self, index: int) -> Any:
        return self.args[index]

    def __len__(self) -> int:
        return len(self.args)


class Block(NamedTuple):
    """All outputs are blocked; ``message`` is None when that is to be silent."""

    message: str | None


class NormalizedOutput(NamedTuple):
    """One call's result in the form the executor works with.

    Attributes:
        result: Values of the output slots, or None.
        ui: Output for the interface, or None.
        expand: A graph that takes the node's place, or None.
        block: Set when every output is blocked (E-069, E-906).
    """

    result: tuple[Any, ...] | None
    ui: dict[str, Any] | None
    expand: dict[str, Any] | None
    block: Block | None


class Blocker(Protocol):
    """What is known here of an ExecutionBlocker."""

    message: str | None


def is_blocker(value: Any) -> TypeGuard[Blocker]:
    """Tell whether ``value`` is an ExecutionBlocker.

    The class lives in a layer above this one, so it is known by its name.
    """
    return any(base.__name__ == "ExecutionBlocker" for base in type(value).__mro__)


class _SchemaAnswer(Generic[Value]):
    """A class attribute that is read from the class's schema."""

    def __init__(self, read: Callable[[type[ComfyNode], Schema], Value]) -> None:
        self._read = read

    def __get__(self, instance: Any, owner: type[ComfyNode]) -> Value:
        return self._read(owner, owner.GET_SCHEMA())


class ComfyNode:
    """Base of all V3 nodes.

    A subclass overrides ``define_schema`` and ``execute``, and may override
    ``validate_inputs``, ``fingerprint_inputs`` and ``check_lazy_status``. All are class
    methods; during a call ``cls`` is a locked copy of the class that carries ``cls.hidden``.
    The upper-case names answer the questions that packs ask of V1 classes (E-062).
    """

    SCHEMA: ClassVar[Schema | None] = None
    hidden: ClassVar[HiddenHolder] = HiddenHolder()
    RELATIVE_PYTHON_MODULE: ClassVar[str | None] = None

    FUNCTION = _SchemaAnswer(lambda cls, _schema: _function_name(cls))
    CATEGORY = _SchemaAnswer(lambda _cls, schema: schema.category)
    DESCRIPTION = _SchemaAnswer(lambda _cls, schema: schema.description)
    DEPRECATED = _SchemaAnswer(lambda _cls, schema: schema.is_deprecated)
    EXPERIMENTAL = _SchemaAnswer(lambda _cls, schema: schema.is_experimental)
    API_NODE = _SchemaAnswer(lambda _cls, schema: schema.is_api_node)
    OUTPUT_NODE = _SchemaAnswer(lambda _cls, schema: schema.is_output_node)
    INPUT_IS_LIST = _SchemaAnswer(lambda _cls, schema: schema.is_input_list)
    NOT_IDEMPOTENT = _SchemaAnswer(lambda _cls, schema: schema.not_idempotent)
    RETURN_TYPES = _SchemaAnswer(lambda _cls, schema: [out.io_type for out in schema.outputs])
    RETURN_NAMES = _SchemaAnswer(lambda _cls, schema: [out.label for out in schema.outputs])
    OUTPUT_IS_LIST = _SchemaAnswer(lambda _c, schema: [o.is_output_list for o in schema.outputs])
    OUTPUT_TOOLTIPS = _SchemaAnswer(lambda _cls, schema: [out.tooltip for out in schema.outputs])

    @classmethod
    def define_schema(cls) -> Schema:
        """Return what the node declares; every node overrides this."""
        raise NotImplementedError(
            f"No define_schema function was defined for node class {cls.__name__}."
        )

    @classmethod
    def execute(cls, **kwargs: Any) -> Any:
        """Do the node's work; every node overrides this. It may be a coroutine."""
        raise NotImplementedError(f"No execute function was defined for node class {cls.__name__}.")

    @classmethod
    def validate_inputs(cls, **kwargs: Any) -> bool | str:
        """Return True, or a text that says what is wrong with the constants given."""
        raise NotImplementedError

    @classmethod
    def fingerprint_inputs(cls, **kwargs: Any) -> Any:
        """Return a value that changes when the node must run again."""
        raise NotImplementedError

    @classmethod
    def check_lazy_status(cls, **kwargs: Any) -> list[str]:
        """Return the names of the lazy inputs that are needed."""
        return [name for name, value in kwargs.items() if value is None]

    @classmethod
    def GET_SCHEMA(cls) -> Schema:  # noqa: N802 - the contract's name
        """Return the finished schema; it is made once for each class."""
        schema = cls.__dict__.get("SCHEMA")
        return schema if isinstance(schema, Schema) else fresh_schema(cls)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, Any]]:
        """Return the V1 form of the inputs, made anew so that file lists are up to date."""
        schema = fresh_schema(cls)
        sections = declare_inputs(schema.inputs)
        hidden = schema.hidden_kinds()
        return {**sections, "hidden": hidden} if hidden else sections

    @classmethod
    def EXECUTE_NORMALIZED(cls, *args: Any, **kwargs: Any) -> NodeOutput:  # noqa: N802
        """Run ``execute`` and return its result as a :class:`NodeOutput`."""
        return as_node_output(cls, cls.execute(*args, **kwargs))

    @classmethod
    async def EXECUTE_NORMALIZED_ASYNC(cls, *args: Any, **kwargs: Any) -> NodeOutput:  # noqa: N802
        """Run an asynchronous ``execute`` and return its result as a :class:`NodeOutput`."""
        return as_node_output(cls, await cls.execute(*args, **kwargs))

    @classmethod
    def GET_NODE_INFO_V1(cls) -> dict[str, Any]:  # noqa: N802 - the contract's name
        """Return the node's object_info entry."""
        return describe(cls.GET_SCHEMA().node_id, cls)

    @classmethod
    def GET_BASE_CLASS(cls) -> type[ComfyNode]:  # noqa: N802 - the contract's name
        """Return the class all V3 nodes derive from."""
        return ComfyNode


def is_v3(cls: Any) -> bool:
    """Tell whether ``cls`` is a node class of the V3 contract."""
    return isinstance(cls, type) and issubclass(cls, ComfyNode)


def overrides(cls: type[ComfyNode], name: str) -> bool:
    """Tell whether ``cls`` has a method ``name`` of its own, not just the base's (E-060)."""
    return getattr(getattr(cls, name), "__func__", None) is not vars(ComfyNode)[name].__func__


def fresh_schema(cls: type[ComfyNode]) -> Schema:
    """Ask the class for its schema, finish and check it, and keep it as ``cls.SCHEMA``.

    Raises:
        NotImplementedError: ``define_schema`` or ``execute`` is missing.
        ValueError: An id is used twice.
    """
    if not overrides(cls, "execute"):
        raise NotImplementedError(f"No execute function was defined for node class {cls.__name__}.")
    schema = cls.define_schema()
    schema.finalize()
    schema.validate()
    type.__setattr__(cls, "SCHEMA", schema)
    return schema


def _function_name(cls: type[ComfyNode]) -> str:
    is_async = inspect.iscoroutinefunction(cls.execute)
    return "EXECUTE_NORMALIZED_ASYNC" if is_async else "EXECUTE_NORMALIZED"


def as_node_output(cls: type[ComfyNode], value: Any) -> NodeOutput:
    """Turn anything ``execute`` may return into a :class:`NodeOutput` (E-066).

    Raises:
        TypeError: The value is of another kind, such as a list.
        ValueError: A graph is returned, but the schema does not allow it (E-068).
    """
    if isinstance(value, NodeOutput):
        output = value
    elif value is None:
        output = NodeOutput()
    elif isinstance(value, tuple):
        output = NodeOutput(*value)
    elif isinstance(value, dict):
        output = NodeOutput.from_dict(value)
    elif is_blocker(value):
        output = _blocked(value.message)
    else:
        raise TypeError(f"Invalid return type from node: {type(value)}")
    if output.expand is not None and not cls.GET_SCHEMA().enable_expand:
        raise ValueError(
            f"Node {cls.GET_SCHEMA().node_id} is not expandable, but expand included in "
            "NodeOutput; set enable_expand=True in its schema."
        )
    return output


class _SilentBlock(NodeOutput):
    """A blocker without a text; ``block_execution`` cannot say that, as None means no block."""


def _blocked(
    message: str | None, ui: Any = None, expand: dict[str, Any] | None = None
) -> NodeOutput:
    kind = _SilentBlock if message is None else NodeOutput
    return kind(ui=ui, expand=expand, block_execution=message)


def normalize_output(cls: type[ComfyNode], value: Any) -> NormalizedOutput:
    """Take a call's result apart (E-066 to E-069).

    Args:
        cls: The node class.
        value: What ``execute`` or ``EXECUTE_NORMALIZED`` returned.

    Raises:
        TypeError: The value is of a kind that nodes may not return.
        ValueError: A graph is returned, but the schema does not allow it.
    """
    output = as_node_output(cls, value)
    ui = output.ui.as_dict() if hasattr(output.ui, "as_dict") else output.ui
    block: Block | None = None
    if isinstance(output, _SilentBlock):
        block = Block(None)
    elif output.block_execution is not None:
        block = Block(output.block_execution)
    return NormalizedOutput(output.result, ui, output.expand, block)


class _Locked(type):
    """Metaclass of the copies that nodes run with: state on ``cls`` does not stick (E-061)."""

    def __setattr__(cls, name: str, value: Any) -> None:
        raise AttributeError(
            f"Cannot modify class attribute '{name}' on locked class '{cls.__name__}'"
        )

    def __delattr__(cls, name: str) -> None:
        raise AttributeError(
            f"Cannot delete class attribute '{name}' on locked class '{cls.__name__}'"
        )


_locked_metaclasses: dict[type, type] = {type: _Locked}


def locked_clone(cls: type[ComfyNode], hidden: Mapping[str, Any] | None = None) -> type[ComfyNode]:
    """Make the copy of ``cls`` that one call runs with (E-061).

    Args:
        cls: The node class.
        hidden: Hidden values by name (``unique_id``, ``prompt``, ...) or by kind
            (``UNIQUE_ID``, ...).
    """
    meta = type(cls)
    if meta not in _locked_metaclasses:
        _locked_metaclasses[meta] = type(f"Locked{meta.__name__}", (_Locked, meta), {})
    values = {
        str(getattr(name, "value", name)).lower(): item for name, item in (hidden or {}).items()
    }
    body = {
        "hidden": HiddenHolder(**values),
        "SCHEMA": cls.GET_SCHEMA(),
        "__module__": cls.__module__,
        "__doc__": cls.__doc__,
    }
    return _locked_metaclasses[meta](f"{cls.__name__}Clone", (cls,), body)  # type: ignore[no-any-return]


def describe(name: str, cls: type[ComfyNode], title: str | None = None) -> dict[str, Any]:
    """Return the object_info entry of a V3 node (E-600).

    Args:
        name: Name it is registered under.
        cls: The node class.
        title: Title the registry has for it; the schema's own when None.
    """
    inputs = cls.INPUT_TYPES()
    schema = cls.GET_SCHEMA()
    info = {
        "input": inputs,
        "input_order": {section: list(entries) for section, entries in inputs.items()},
        "output": [out.io_type for out in schema.outputs],
        "output_is_list": [out.is_output_list for out in schema.outputs],
        "output_name": [out.label for out in schema.outputs],
        "output_tooltips": [out.tooltip for out in schema.outputs],
        "output_matchtypes": _match_types(schema.outputs),
        "name": name,
        "display_name": title or schema.display_name,
        "description": schema.description,
        "python_module": cls.RELATIVE_PYTHON_MODULE or "nodes",
        "category": schema.category,
        "output_node": schema.is_output_node,
        "deprecated": schema.is_deprecated,
        "experimental": schema.is_experimental,
        "api_node": schema.is_api_node,
    }
    if schema.search_aliases:
        info["search_aliases"] = schema.search_aliases
    return info


def _match_types(outputs: list[Output]) -> list[str | None] | None:
    found = [
        out.template.template_id if isinstance(out, MatchType.Output) else None for out in outputs
    ]
    return found if any(found) else None
