"""Subscriptions: one row an address."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "subscription",
        sa.Column("address", sa.LargeBinary, primary_key=True),
        sa.Column("endpoint", sa.Text),
        sa.Column("p256dh", sa.LargeBinary),
        sa.Column("auth", sa.LargeBinary),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("signed_at", sa.BigInteger),
        sa.CheckConstraint("octet_length(address) = 32", name="subscription_address_is_32_bytes"),
        sa.CheckConstraint(
            "num_nulls(endpoint, p256dh, auth, expires_at) IN (0, 4)", name="subscription_is_whole_or_absent"
        ),
        sa.CheckConstraint(
            "endpoint IS NOT NULL OR signed_at IS NOT NULL", name="subscription_says_something"
        ),
    )
    op.create_index("subscription_expires_at", "subscription", ["expires_at"])


def downgrade() -> None:
    """Drop the table, and everybody's registration with it."""
    op.drop_table("subscription")
