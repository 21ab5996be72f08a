"""Which outputs may feed which inputs (rules E-130 to E-133)."""

from __future__ import annotations

from typing import Any, Final

ANY: Final = "*"
MATCH_TYPE: Final = "COMFY_MATCHTYPE_V3"


def is_compatible(received: Any, wanted: Any, *, strict: bool = False) -> bool:
    """Tell whether an output of type ``received`` may feed an input of type ``wanted``.

    Args:
        received: Type of the output: a name, a comma-joined union, or a list of choices.
        wanted: Type of the input, in the same forms.
        strict: Ask that everything the output may give is wanted, instead of sharing one
            name (E-133).
    """
    # Packs make "any" types out of strings whose != always answers False. Python asks a
    # subclass on the right first, so the order of the operands matters (E-131).
    if not (received != wanted):  # noqa: SIM202 - == may be overridden too, and differently
        return True
    if isinstance(received, list):
        return isinstance(wanted, str) and _text(wanted) in ("COMBO", ANY, MATCH_TYPE)
    if isinstance(received, str) and _text(received) in (ANY, MATCH_TYPE):
        return True
    if isinstance(wanted, str) and _text(wanted) in (ANY, MATCH_TYPE):
        return True
    if not (isinstance(received, str) and isinstance(wanted, str)):
        return False
    given, accepted = _names(received), _names(wanted)
    if ANY in given or ANY in accepted:
        return True
    return given <= accepted if strict else not given.isdisjoint(accepted)


def _text(kind: str) -> str:
    return str.__str__(kind)


def _names(kind: str) -> set[str]:
    return {part.strip() for part in _text(kind).split(",")}
