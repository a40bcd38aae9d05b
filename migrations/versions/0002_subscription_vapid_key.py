"""Column for a subscription's VAPID key; index for forgotten addresses.

The version before goes on serving meanwhile and afterwards: nothing is taken away, nothing is required, and
no write waits for the index.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INDEX = "subscription_forgotten_at"


def upgrade() -> None:
    """Add a column that may be empty, and the index without locking the table."""
    # It needs the table to itself for a moment: while a backup holds it, better fail than hold up all.
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.execute("ALTER TABLE subscription ADD COLUMN IF NOT EXISTS vapid_key text")
    with op.get_context().autocommit_block():
        # One that was left half-made by an interruption would be taken for done.
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {INDEX}")
        op.create_index(
            INDEX,
            "subscription",
            ["signed_at"],
            postgresql_where=sa.text("endpoint IS NULL"),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    """Take both away."""
    op.drop_index(INDEX)
    op.drop_column("subscription", "vapid_key")
