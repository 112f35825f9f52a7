"""The Weibo Open API v2 as it answers an ordinary or a commercial app (channel reference §2)."""

from ..world import World
from . import comments, oauth, statuses
from .entry import blueprint, render_error

__all__ = ["blueprint", "comments", "oauth", "register_jobs", "render_error", "statuses"]


def register_jobs(world: World) -> None:
    """Weibo does nothing on its own: publishing is synchronous."""
