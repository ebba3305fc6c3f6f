"""When jobs ended, so that those of long ago can go."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

MOMENT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    """Add the moment; of jobs that had ended before, only when they were made is known."""
    op.add_column("evenhand_jobs", sa.Column("ended", MOMENT, nullable=True))
    op.execute("UPDATE evenhand_jobs SET ended = created WHERE state NOT IN ('waiting', 'running')")
