"""Bounties: their rules, who hunts, what was handed in and how it ended."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def _bounty() -> sa.Column[str]:
    link = sa.ForeignKey("evenhand_bounties.name", ondelete="CASCADE")
    return sa.Column("bounty", sa.Text(), link, primary_key=True, nullable=False)


def _text(name: str, *, nullable: bool = False, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable, primary_key=key)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "evenhand_bounties", _text("name", key=True), _text("definition"),
        sa.Column("opened", MOMENT, nullable=False), sa.Column("ended", MOMENT, nullable=True),
        _text("invitation", nullable=True),
    )  # fmt: skip
    op.create_table(
        "evenhand_teams", _bounty(), _text("name", key=True), sa.Column("joined", MOMENT, nullable=False),
        sa.Column("key", NUMBER, nullable=True),
    )  # fmt: skip
    op.create_table(
        "evenhand_submissions", _bounty(),
        sa.Column("number", NUMBER, primary_key=True, autoincrement=False, nullable=False), _text("team"),
        _text("digest"), _text("submission"), _text("state"), _text("verdict", nullable=True),
    )  # fmt: skip
    op.create_index("evenhand_submissions_once", "evenhand_submissions", ["bounty", "team", "digest"], unique=True)
    op.create_index("evenhand_teams_keys", "evenhand_teams", ["bounty", "key"], unique=True)
    waiting = sa.text("state = 'waiting'")
    op.create_index(
        "evenhand_submissions_waiting", "evenhand_submissions", ["bounty", "number"], sqlite_where=waiting,
        postgresql_where=waiting,
    )  # fmt: skip
