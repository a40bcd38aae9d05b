"""Table of devices: a row for each live subscription of an address.

The version before goes on serving meanwhile and afterwards: its table stays as it is, and this version keeps
the newest subscription of each address there as well. Rows are copied when their owners register next.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Whoever serves calls under a role of its own serves the new table too.
GRANTS = sa.text("""
SELECT DISTINCT grantee FROM information_schema.role_table_grants
WHERE table_name = 'subscription' AND table_schema = current_schema() AND privilege_type = 'INSERT'
  AND grantee NOT IN (CURRENT_USER, 'PUBLIC')
""")


def upgrade() -> None:
    """Make the table, for all who may write to the one that is there."""
    op.create_table(
        "device",
        sa.Column("address", sa.LargeBinary, primary_key=True),
        sa.Column("device", sa.Text, primary_key=True),
        sa.Column("endpoint", sa.Text),
        sa.Column("p256dh", sa.LargeBinary),
        sa.Column("auth", sa.LargeBinary),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("signed_at", sa.BigInteger),
        sa.Column("vapid_key", sa.Text),
        sa.CheckConstraint("octet_length(address) = 32", name="device_address_is_32_bytes"),
        sa.CheckConstraint("num_nulls(endpoint, p256dh, auth) IN (0, 3)", name="device_is_whole_or_absent"),
        sa.CheckConstraint("endpoint IS NOT NULL OR signed_at IS NOT NULL", name="device_says_something"),
    )
    op.create_index("device_expires_at", "device", ["expires_at"])
    connection = op.get_bind()
    for (role,) in connection.execute(GRANTS).all():
        quoted = connection.dialect.identifier_preparer.quote(role)
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON device TO {quoted}")


def downgrade() -> None:
    """Drop the table: each address keeps the subscription that it registered last."""
    op.drop_table("device")
