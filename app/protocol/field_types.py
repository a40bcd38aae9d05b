"""Field types of messages: base64 values, device ids, optional members, each with its JSON schema."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema

from app.protocol.constants import DEVICE_PATTERN
from app.protocol.keys import Address, decode, parse_encryption_key


def parse_sealed(text: object) -> str:
    """Take a sealed payload as it is: opaque, but in canonical base64 and not empty."""
    if not isinstance(text, str) or not text:
        raise ValueError("must be text")
    decode(text)
    return text


_BASE64 = {"type": "string", "contentEncoding": "base64"}

AddressText = Annotated[
    Address, PlainValidator(Address.parse), WithJsonSchema({**_BASE64, "minLength": 44, "maxLength": 44})
]
EncryptionKey = Annotated[
    bytes, PlainValidator(parse_encryption_key), WithJsonSchema({**_BASE64, "minLength": 44, "maxLength": 44})
]
Sealed = Annotated[str, PlainValidator(parse_sealed), WithJsonSchema({**_BASE64, "minLength": 4})]


def _not_null(value: object) -> object:
    if value is None:
        raise ValueError("must be left out rather than null")
    return value


# An optional member is absent or has a value: null says something else.
NOT_NULL = BeforeValidator(_not_null)


def omit_default(schema: dict[str, Any]) -> None:
    """Document an absent member as absent, not as null, in its JSON schema."""
    del schema["default"]


def document_type(kind: str) -> Callable[[dict[str, Any]], None]:
    """Document what a member is when it is there: one *kind*, no null."""

    def only(schema: dict[str, Any]) -> None:
        omit_default(schema)
        (branch,) = [branch for branch in schema.pop("anyOf") if branch["type"] == kind]
        schema.update(branch)

    return only


DeviceId = Annotated[str, Field(pattern=DEVICE_PATTERN)]

FromDevice = Annotated[
    DeviceId | None,
    NOT_NULL,
    Field(
        description="Optional: the sender's device, as the answer to its `update` named it.",
        json_schema_extra=document_type("string"),
    ),
]
ToDevice = Annotated[
    DeviceId | None,
    NOT_NULL,
    Field(
        description="Optional: the device of the recipient that is meant; to all if there is no such one.",
        json_schema_extra=document_type("string"),
    ),
]
