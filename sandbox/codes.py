"""The platforms' error codes, read from the TOML tables, and the error that carries one to the answer."""

import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PLATFORMS = ("weibo", "wechat", "jpush")


def load_codes(platform: str) -> dict[int, tuple[int, str]]:
    """Code -> (HTTP status, text) of one platform."""
    table = tomllib.loads((HERE / f"{platform}_codes.toml").read_text(encoding="utf-8"))["codes"]
    plain = {int(code): entry for code, entry in table.items()}
    return {code: (200, entry) if isinstance(entry, str) else (entry[0], entry[1]) for code, entry in plain.items()}


CODES = {platform: load_codes(platform) for platform in PLATFORMS}


class PlatformError(Exception):
    """A documented refusal. `text` replaces the table's, `hint` is WeChat's, `extra` joins the body.

    Raises KeyError when the code is not in the platform's table: an undocumented code would be a slip here.
    """

    def __init__(
        self, platform: str, code: int, text: str | None = None, *, hint: str = "", extra: dict[str, Any] | None = None
    ) -> None:
        status, known = CODES[platform][code]
        self.platform, self.code, self.status = platform, code, status
        self.text, self.hint, self.extra = text or known, hint, extra or {}
        super().__init__(f"{platform} {code}: {self.text}")
