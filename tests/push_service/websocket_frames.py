"""WebSocket frames of a user agent: text in, frozen values out. Pure."""

from typing import Annotated, Literal

from aiohttp import WSCloseCode
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from tests.push_service.crypto import p256


class ProtocolViolationError(Exception):
    """Violation of the protocol by the user agent; the socket is closed with *code*."""

    def __init__(self, code: WSCloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def unpadded(text: str) -> str:
    """Return the key that *text* spells without its padding; Firefox pads it, others do not."""
    key = text.rstrip("=")
    p256.read_key(key)
    return key


ChannelID = Annotated[str, Field(alias="channelID", min_length=1, max_length=100)]
Key = Annotated[str, AfterValidator(unpadded)]


class Frame(BaseModel):
    """Frame of a user agent; unknown members are ignored."""

    model_config = ConfigDict(frozen=True, strict=True)


class Ping(Frame):
    """Ping, `{}`."""


class Hello(Frame):
    """Greeting of a user agent; *uaid* is absent the first time."""

    message_type: Literal["hello"] = Field(alias="messageType")
    uaid: str | None = None


class Register(Frame):
    """Request for an endpoint; with a key, for that application server only."""

    message_type: Literal["register"] = Field(alias="messageType")
    channel_id: ChannelID
    key: Key | None = None


class Unregister(Frame):
    """Request to end an endpoint."""

    message_type: Literal["unregister"] = Field(alias="messageType")
    channel_id: ChannelID


class Update(Frame):
    """Delivery result of one message."""

    channel_id: ChannelID
    version: str
    code: int = 100


class Ack(Frame):
    """Delivery results of messages."""

    message_type: Literal["ack"] = Field(alias="messageType")
    updates: list[Update]


class Ignored(Frame):
    """Frame that this push service does not act on."""

    message_type: Literal["nack", "broadcast_subscribe"] = Field(alias="messageType")


AnyFrame = Hello | Register | Unregister | Ack | Ignored
FRAMES: TypeAdapter[AnyFrame] = TypeAdapter(Annotated[AnyFrame, Field(discriminator="message_type")])


def read_frame(text: str) -> AnyFrame | Ping:
    """Return the frame that *text* is; raise `ProtocolViolationError` when it is none."""
    if text == "{}":
        return Ping()
    try:
        return FRAMES.validate_json(text)
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            raise ProtocolViolationError(WSCloseCode.INVALID_TEXT, "not JSON") from None
        raise ProtocolViolationError(WSCloseCode.POLICY_VIOLATION, "not a frame of this protocol") from None
