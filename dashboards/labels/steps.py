"""Chinese names of the remote steps in a delivery's story, and of effect codes that are ours."""

from __future__ import annotations

STEPS: dict[str, str] = {}
CODES: dict[str, str] = {}
