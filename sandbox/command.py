"""Command line of the sandbox: `serve` and the replays; the main command line mounts them."""

import click

from .options import Options
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
