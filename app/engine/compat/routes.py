"""Recording the web routes that packs declare."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

Handler = TypeVar("Handler", bound=Callable[..., Any])


class Route(NamedTuple):
    """One recorded route."""

    method: str
    path: str
    handler: Callable[..., Any]


class RouteRecorder:
    """Has the decorators of aiohttp's route table, for machines without aiohttp."""

    def __init__(self) -> None:
        self._routes: list[Route] = []

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes)

    def __len__(self) -> int:
        return len(self._routes)

    def route(self, method: str, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Record the decorated function for a method and a path."""

        def record(handler: Handler) -> Handler:
            self._routes.append(Route(method, path, handler))
            return handler

        return record

    def get(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Record the decorated function for GET."""
        return self.route("GET", path)

    def post(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Record the decorated function for POST."""
        return self.route("POST", path)

    def put(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Record the decorated function for PUT."""
        return self.route("PUT", path)

    def patch(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Record the decorated function for PATCH."""
        return self.route("PATCH", path)

    def delete(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Record the decorated function for DELETE."""
        return self.route("DELETE", path)

    def head(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Record the decorated function for HEAD."""
        return self.route("HEAD", path)

    def view(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Record the decorated class for every method."""
        return self.route("*", path)

    def static(self, prefix: str, path: Any, **options: Any) -> None:
        """Record a folder of files."""
        self._routes.append(Route("STATIC", prefix, lambda _request: path))


def make_routes(web: Any) -> Any:
    """Return aiohttp's route table, or a recorder like it when ``web`` is None."""
    return RouteRecorder() if web is None else web.RouteTableDef()


def route_names(routes: Any, application: Any) -> list[str]:
    """Return what a route table and an application hold, such as ``"GET /pack/list"``."""
    found = [_name(route) for route in routes]
    router = getattr(application, "router", None)
    for route in router.routes() if router is not None else ():
        path = getattr(route.resource, "canonical", "")
        # aiohttp adds a HEAD route beside each GET.
        if route.method != "HEAD":
            found.append(f"{route.method} {path}")
    return found


def _name(route: Any) -> str:
    method = getattr(route, "method", "STATIC")
    path = getattr(route, "path", "")
    if hasattr(route, "prefix"):
        method, path = "STATIC", route.prefix
    return f"{method} {path}"
