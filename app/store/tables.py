"""SQLModel declaration of the `subscription` table; rows never leave this package."""

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, Table, Text, text
from sqlmodel import Column, Field, SQLModel


class SubscriptionRow(SQLModel, table=True):
    """A subscription by address, or the tombstone of one; times in ms since the Unix epoch.

    Without an endpoint the row is a tombstone: the address, and when its owner asked to be forgotten, so that
    an older registration can't be replayed. `vapid_key` is the id of the server's key that the subscription
    came with; rows of the first schema have none.
    """

    __tablename__ = "subscription"
    __table_args__ = (
        CheckConstraint("octet_length(address) = 32", name="subscription_address_is_32_bytes"),
        CheckConstraint(
            "num_nulls(endpoint, p256dh, auth, expires_at) IN (0, 4)", name="subscription_is_whole_or_absent"
        ),
        CheckConstraint("endpoint IS NOT NULL OR signed_at IS NOT NULL", name="subscription_says_something"),
        Index("subscription_expires_at", "expires_at"),
        Index("subscription_forgotten_at", "signed_at", postgresql_where=text("endpoint IS NULL")),
    )

    address: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    endpoint: str | None = Field(default=None, sa_column=Column(Text))
    p256dh: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    auth: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    expires_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    signed_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    vapid_key: str | None = Field(default=None, sa_column=Column(Text))


# What statements are built on. SQLModel does not promise `SubscriptionRow.__table__`.
SUBSCRIPTION: Table = SQLModel.metadata.tables[str(SubscriptionRow.__tablename__)]
