"""For developers: `python -m migrations "add the label column"` drafts the next revision from the models.

A draft is read and, where rows must move, completed by hand; `tests/architecture/test_migrations.py` judges it.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Literal

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from core.db import Database
from core.models import Base, Instant
from migrations import HERE, _config, upgrade

TEMPLATE = '''"""{title}."""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {down}
branch_labels = None
depends_on = None


def upgrade() -> None:
    {upgrade}


def downgrade() -> None:
    {downgrade}
'''
FIRST_ROWS = '''

    # The freeze row must always exist: claims and once-intents read it under a lock.
    op.execute("""INSERT INTO "freeze" (scope, frozen, reason) VALUES ('all', false, '')""")'''


def draft(title: str) -> Path:
    """Write versions/NNNN_title.py with what the models have and the newest revision has not."""
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    revision = f"{int(newest or 0) + 1:04}"
    with tempfile.TemporaryDirectory() as home:
        url = f"sqlite:///{home}/draft.sqlite"
        if newest:
            upgrade(url)
        db = Database(url)
        with db.engine.connect() as connection:
            options = {"render_item": _render, "render_as_batch": bool(newest)}
            operations = produce_migrations(MigrationContext.configure(connection, opts=options), Base.metadata)
        db.dispose()
    assert operations.upgrade_ops is not None
    assert operations.downgrade_ops is not None
    code = TEMPLATE.format(
        title=title,
        revision=revision,
        down=repr(newest) if newest else "None",
        upgrade=render_python_code(operations.upgrade_ops, render_item=_render) + ("" if newest else FIRST_ROWS),
        downgrade=render_python_code(operations.downgrade_ops, render_item=_render),
    )
    path = HERE / "versions" / f"{revision}_{re.sub(r'[^a-z0-9]+', '_', title.lower()).strip('_')}.py"
    path.write_text(re.sub(r"\n *# ### .* ###", "", code))
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", str(path)], check=True)
    return path


def _render(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Our own types as plain ones: a revision must not change when the models do."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, Instant) else False


if __name__ == "__main__":
    print(draft(" ".join(sys.argv[1:]) or "unnamed"))  # noqa: T201
