"""What is selected on the canvas: nodes, groups and reroutes, by key.

The selection belongs to the view, never to the file; undo and redo keep what is still there
(U-117).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Selection:
    """Keys of selected things; the order is that of selecting.

    Attributes:
        nodes: Keys of nodes.
        groups: Keys of groups.
        reroutes: Keys of reroutes.
    """

    nodes: dict[str, None] = field(default_factory=dict)
    groups: dict[str, None] = field(default_factory=dict)
    reroutes: dict[str, None] = field(default_factory=dict)

    @classmethod
    def of(
        cls, nodes: Iterable[str] = (), groups: Iterable[str] = (), reroutes: Iterable[str] = ()
    ) -> Selection:
        """Make a selection from keys."""
        return cls(dict.fromkeys(nodes), dict.fromkeys(groups), dict.fromkeys(reroutes))

    def __bool__(self) -> bool:
        return bool(self.nodes or self.groups or self.reroutes)

    def copy(self) -> Selection:
        """Return an independent copy."""
        return Selection(dict(self.nodes), dict(self.groups), dict(self.reroutes))

    def united(self, other: Selection) -> Selection:
        """Return what is in either."""
        return Selection(
            {**self.nodes, **other.nodes},
            {**self.groups, **other.groups},
            {**self.reroutes, **other.reroutes},
        )

    def without(self, other: Selection) -> Selection:
        """Return what is in this one only."""
        return Selection(
            {key: None for key in self.nodes if key not in other.nodes},
            {key: None for key in self.groups if key not in other.groups},
            {key: None for key in self.reroutes if key not in other.reroutes},
        )

    def toggled(self, other: Selection) -> Selection:
        """Return what is in exactly one of the two."""
        return self.without(other).united(other.without(self))
