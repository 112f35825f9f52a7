"""Command line of the sandbox: `serve` and the replays; the main command line mounts them."""

from pathlib import Path

import click

from .options import Options
from .replay import Pace, Played, replay_cascade, replay_messages
from .server import run_server


@click.command("sandbox")
@click.option("--port", default=0, show_default=True, help="0 takes a free port.")
@click.option("--state", type=click.Path(dir_okay=False), default=None, help="SQLite file; without it, memory.")
@click.option("--regime", type=click.Choice(["ordinary", "commercial"]), default="ordinary", show_default=True)
@click.option("--time-factor", default=1.0, show_default=True, help="Divides every duration of the platforms.")
@click.option("--seed", default=1, show_default=True)
@click.option("--latency-ms", default=0.0, show_default=True)
def serve(port: int, state: str | None, regime: str, time_factor: float, seed: int, latency_ms: float) -> None:
    """Start local Weibo, WeChat and JPush."""
    run_server(state, Options(regime=regime, time_factor=time_factor, seed=seed, latency_ms=latency_ms), port)


@click.group("replay")
def replay() -> None:
    """Play recorded streams."""


@replay.command("cascades")
@click.option("--file", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
@click.option("--original", required=True, help="Id of the original in the file.")
@click.option("--status", "status_id", type=int, required=True, help="Published status of the sandbox.")
@click.option("--sandbox-url", required=True)
@click.option("--speed", default=0.0, show_default=True, help="0 plays everything at once.")
@click.option("--align", type=click.Choice(["status", "now"]), default="status", show_default=True)
def replay_cascades_command(
    file: Path, original: str, status_id: int, sandbox_url: str, speed: float, align: str
) -> None:
    """Play one cascade of reposts under a published status."""
    report(replay_cascade(file, original, sandbox_url, status_id, Pace(speed), align=align))


@replay.command("messages")
@click.option("--file", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
@click.option("--portal-url", required=True)
@click.option("--speed", default=0.0, show_default=True, help="0 plays everything at once.")
@click.option("--limit", type=int, default=None, help="Only the first n messages.")
def replay_messages_command(file: Path, portal_url: str, speed: float, limit: int | None) -> None:
    """Post citizens' messages into the portal's form."""
    report(replay_messages(file, portal_url, Pace(speed), limit=limit))


def report(played: Played) -> None:
    """Print the counts of a replay."""
    left = "，".join(f"{reason} {count}" for reason, count in sorted(played.skipped.items())) or "无"
    kinds = f"转发 {played.reposts}，评论或留言 {played.comments}，回复 {played.answers}"
    click.echo(f"播放 {played.total}（{kinds}）；跳过：{left}")
