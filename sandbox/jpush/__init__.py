"""JPush REST v3 (channel reference §3.1)."""

from ..world import World
from .push import blueprint, render_error

__all__ = ["blueprint", "register_jobs", "render_error"]


def register_jobs(world: World) -> None:
    """JPush does nothing on its own: a push is taken as delivered when accepted."""
