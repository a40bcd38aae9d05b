"""Message types of the protocol: a frozen pydantic model per method, aliased to the wire's short names."""

from typing import Annotated, ClassVar, TypeGuard

from pydantic import BaseModel, Field

from app.protocol.constants import MAX_CODE_CHARACTERS
from app.protocol.field_types import (
    NOT_NULL,
    AddressText,
    DeviceId,
    EncryptionKey,
    FromDevice,
    Sealed,
    ToDevice,
    document_type,
    omit_default,
)
from app.protocol.subscription import FROZEN, Milliseconds, Subscription


class Message(BaseModel):
    """Base of every message: its sender."""

    model_config = FROZEN

    method: ClassVar[str]

    sender: Annotated[
        AddressText, Field(alias="a", description="The sender's address: Ed25519 public key, 32 bytes.")
    ]


_UPDATE = "update"


class Update(Message):
    """Register a push subscription, forget it (`null`), or only ask the time (absent)."""

    method = _UPDATE

    subscription: Annotated[
        Subscription | None,
        Field(
            alias="b",
            description="The subscription; `null`: forget me; absent: only ask the time.",
            json_schema_extra=omit_default,
        ),
    ] = None
    sent_at: Annotated[
        Milliseconds | None,
        NOT_NULL,
        Field(
            alias="c",
            description="Optional: the sender's idea of the server's time, ms. Once an address has sent one, "
            "only newer updates are taken, so that a recorded one can't be replayed. `null` in `b` needs it.",
            json_schema_extra=document_type("integer"),
        ),
    ] = None
    code: Annotated[
        str | None,
        NOT_NULL,
        Field(
            alias="d",
            max_length=MAX_CODE_CHARACTERS,
            description="Only for servers that send to any push service: the code of the verification push.",
            json_schema_extra=document_type("string"),
        ),
    ] = None

    device: Annotated[
        DeviceId | None,
        NOT_NULL,
        Field(
            alias="e",
            description="Optional, with `null` in `b`: end this device alone, and forget no other.",
            json_schema_extra=document_type("string"),
        ),
    ] = None

    @property
    def has_null(self) -> bool:
        """Tell whether the subscription is a null, which is not the same as an absence."""
        return self.subscription is None and "subscription" in self.model_fields_set

    @property
    def forgets(self) -> bool:
        """Tell whether the sender asks to be forgotten, with every device."""
        return self.has_null and self.device is None

    def has_expired(self, now: int) -> bool:
        """Tell whether the subscription has expired by *now*, ms: it is one that ends."""
        expires_at = self.subscription.expires_at if self.subscription else None
        return expires_at is not None and expires_at <= now


class RelayedMessage(Message):
    """Base of every relayed message: its timestamp and recipient."""

    sent_at: Annotated[
        Milliseconds, Field(alias="b", description="The sender's idea of the server's time, ms.")
    ]
    recipient: Annotated[
        AddressText, Field(alias="c", description="The recipient's address: Ed25519 public key, 32 bytes.")
    ]
    # Each method has them after its last member, under letters of its own.
    from_device: FromDevice = None
    to_device: ToDevice = None


def is_relayed(message: Message) -> TypeGuard[RelayedMessage]:
    """Tell whether *message* has a recipient; `isinstance` would ask the metaclass, ten times as long."""
    return message.method != _UPDATE


class KeyedMessage(RelayedMessage):
    """Relayed message that carries the sender's key for this connection."""

    encryption_key: Annotated[
        EncryptionKey,
        Field(alias="d", description="The sender's X25519 public key for this connection, 32 bytes."),
    ]


class Dial(KeyedMessage):
    """Ask the recipient to make an offer."""

    method = "dial"

    from_device: Annotated[FromDevice, Field(alias="e")] = None
    to_device: Annotated[ToDevice, Field(alias="f")] = None
    wants: Annotated[
        int | None,
        NOT_NULL,
        Field(
            alias="g",
            ge=1,
            le=3,
            description="Optional: what the sender wants to share: 1 audio, 2 video, 3 both.",
            json_schema_extra=document_type("integer"),
        ),
    ] = None


class DescriptionMessage(KeyedMessage):
    """Base of offer and answer: a sealed session description (SDP, RFC 8866)."""

    payload: Annotated[
        Sealed, Field(alias="e", description="The sealed session description; opaque to the server.")
    ]
    from_device: Annotated[FromDevice, Field(alias="f")] = None
    to_device: Annotated[ToDevice, Field(alias="g")] = None


class Offer(DescriptionMessage):
    """Send an SDP offer to the caller."""

    method = "offer"


class Answer(DescriptionMessage):
    """Send an SDP answer to the one who made the offer."""

    method = "answer"


class Ice(KeyedMessage):
    """Send ICE candidates that came too late for the SDP."""

    method = "ice"

    payload: Annotated[Sealed, Field(alias="e", description="The sealed candidates; opaque to the server.")]
    direction: Annotated[
        int | None,
        NOT_NULL,
        Field(
            alias="f",
            ge=1,
            le=2,
            description="Optional: 1 for incoming, 2 for outgoing candidates.",
            json_schema_extra=document_type("integer"),
        ),
    ] = None
    from_device: Annotated[FromDevice, Field(alias="g")] = None
    to_device: Annotated[ToDevice, Field(alias="h")] = None


class Close(RelayedMessage):
    """Tell the recipient that the connection is over, or the own devices that one of them has answered."""

    method = "close"

    from_device: Annotated[FromDevice, Field(alias="d")] = None
    to_device: Annotated[ToDevice, Field(alias="e")] = None
    dial_key: Annotated[
        EncryptionKey | None,
        NOT_NULL,
        Field(
            alias="f",
            description="Optional: the encryption key of a dial that another device has dealt with.",
            json_schema_extra=document_type("string"),
        ),
    ] = None


METHODS: dict[str, type[Message]] = {kind.method: kind for kind in (Update, Dial, Offer, Answer, Ice, Close)}
