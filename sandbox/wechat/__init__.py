"""The WeChat official-account API: tokens, media, drafts, freepublish, comments (channel reference §1)."""

from ..world import World
from . import comments, drafts, freepublish, media, tokens
from .callback import send_callback
from .entry import blueprint, render_error

__all__ = ["blueprint", "comments", "drafts", "freepublish", "media", "register_jobs", "render_error", "tokens"]


def register_jobs(world: World) -> None:
    """The end of an audit, and the event that tells it."""

    def tell(payload: dict[str, int], at: float) -> None:
        row = freepublish.find_publish(world, payload["publish_id"])
        assert row
        send_callback(world, payload, freepublish.result_of(world, row))

    def finish(payload: dict[str, int], at: float) -> None:
        freepublish.finish_publish(world, payload["publish_id"], at)

    world.jobs.register("finish_publish", finish, inline=True)
    world.jobs.register("callback", tell, inline=False)
