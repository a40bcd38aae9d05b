"""SQLModel declarations of the tables `subscription` and `device`; rows never leave this package."""

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, Table, Text, text
from sqlmodel import Column, Field, SQLModel


class SubscriptionRow(SQLModel, table=True):
    """Newest subscription of an address, or a tombstone; times in ms since the Unix epoch.

    Only tombstones are of use to this version: the subscription is there for the version before, which knows
    one an address and may serve beside this one, and comes from it.

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


class DeviceRow(SQLModel, table=True):
    """Live subscription by address and device, or the tombstone of one that its owner ended; times in ms.

    `device` is the id that the owner was told, `updated_at` the time of the last registration.
    """

    __tablename__ = "device"
    __table_args__ = (
        CheckConstraint("octet_length(address) = 32", name="device_address_is_32_bytes"),
        CheckConstraint("num_nulls(endpoint, p256dh, auth) IN (0, 3)", name="device_is_whole_or_absent"),
        CheckConstraint("endpoint IS NOT NULL OR signed_at IS NOT NULL", name="device_says_something"),
        Index("device_expires_at", "expires_at"),
    )

    address: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    device: str = Field(sa_column=Column(Text, primary_key=True))
    endpoint: str | None = Field(default=None, sa_column=Column(Text))
    p256dh: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    auth: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    expires_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    updated_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    signed_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    vapid_key: str | None = Field(default=None, sa_column=Column(Text))


# What statements are built on. SQLModel does not promise `SubscriptionRow.__table__`.
SUBSCRIPTION: Table = SQLModel.metadata.tables[str(SubscriptionRow.__tablename__)]
DEVICE: Table = SQLModel.metadata.tables[str(DeviceRow.__tablename__)]
