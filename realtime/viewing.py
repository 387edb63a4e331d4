"""Which fields depend on who looks. All others are executed once for everybody."""

from collections.abc import Callable
from typing import Any, TypeVar

_MARK = "_depends_on_viewer"

Resolver = TypeVar("Resolver", bound=Callable[..., Any])


def depends_on_viewer(resolver: Resolver) -> Resolver:
    """Mark a resolver whose value differs from viewer to viewer: operations that select it are not shared."""
    setattr(resolver, _MARK, True)
    return resolver


def is_marked(resolver: Any) -> bool:
    return getattr(resolver, _MARK, False) is True


class ViewerNotShared(RuntimeError):
    """A shared execution asked who looks: the resolver lacks `@depends_on_viewer`."""
