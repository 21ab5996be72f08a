"""``comfy_api.feature_flags``: what a client can do, and what this host can."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SERVER_FEATURE_FLAGS: dict[str, Any] = {
    "supports_preview_metadata": True,
    "max_upload_size": 100 * 1024 * 1024,
    "extension": {"manager": {"supports_v4": True}},
}


def get_connection_feature(
    sockets_metadata: Mapping[str, Mapping[str, Any]],
    sid: str | None,
    feature_name: str,
    default: Any = False,
) -> Any:
    """Return what a client said about a feature."""
    flags = sockets_metadata.get(sid or "", {}).get("feature_flags", {})
    return flags.get(feature_name, default)


def supports_feature(
    sockets_metadata: Mapping[str, Mapping[str, Any]], sid: str | None, feature_name: str
) -> bool:
    """Tell whether a client has a feature."""
    return get_connection_feature(sockets_metadata, sid, feature_name, False) is True


def get_server_features() -> dict[str, Any]:
    """Return what this host can."""
    return dict(SERVER_FEATURE_FLAGS)
