"""The OpenAPI document: every field explained, an example for every call, every refusal with its code."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.api import errors as http
from app.api.answers import Accepted, Refusal
from app.api.examples import EXAMPLE_TIME, EXAMPLES
from app.limits import errors as limits
from app.protocol import errors
from app.protocol.errors import Refused
from app.protocol.messages import METHODS, Message, Update
from app.push import errors as push
from app.store import errors as store

CALLS = "Calls"
CLIENTS = "For clients"
OPERATORS = "For operators"

DESCRIPTION = """
WebRTC signaling that needs nobody online: each call reaches its recipient as a Web Push.

A person is an Ed25519 key; its 32 public bytes, in base64, are their *address*. A **call** is a `POST` of
`{"a": method, "b": data, "c": signature}`, where `c` is the sender's Ed25519 signature of the
[RFC 8785](https://www.rfc-editor.org/rfc/rfc8785) text of `b`: for these values, what `JSON.stringify` prints
when the members are in alphabetical order.

1. `GET /config`: the server's VAPID key, ICE servers and time.
2. `POST /update`: register your push subscription.
3. A dials (`/dial`) → B makes an offer (`/offer`) → A answers (`/answer`) → connected, directly.

Every answer tells the server's time in `timestamp`. A refusal has a stable `code`, a `reason` for a person,
and an entry in `errors` for each fault.
"""

_SHARED = (
    http.NotHttp,
    errors.NotJson,
    errors.NotACall,
    errors.BadSignature,
    http.OriginNotAllowed,
    http.RequestTimedOut,
    errors.StaleTimestamp,
    errors.BodyTooLarge,
    http.UnsupportedEncoding,
    errors.UnknownMethod,
    errors.WrongMethod,
    errors.InvalidCall,
    limits.TooManyCalls,
    http.HeadTooLarge,
    store.DatabaseUnavailable,
    limits.Overloaded,
)
_DELIVERING = (
    push.EndpointNotAllowed,
    push.RecipientGone,
    push.MessageTooLarge,
    push.PushRefused,
    push.PushUnreachable,
    push.PushBusy,
    push.PushTimedOut,
)
_REGISTERING = (*_DELIVERING, push.EndpointUnverified, store.StaleUpdate)
_RELAYING = (*_DELIVERING, store.UnknownRecipient, errors.Replayed)

_REF = "#/components/schemas/"
_SIGNATURE = {
    "type": "string",
    "contentEncoding": "base64",
    "minLength": 88,
    "maxLength": 88,
    "description": "The sender's Ed25519 signature of the RFC 8785 text of `b`, 64 bytes.",
}


def door(kind: type[Message]) -> dict[str, Any]:
    """Return what FastAPI needs to document the door for calls of *kind*."""
    kinds = [known for known in METHODS.values() if issubclass(known, kind)]
    relaying = _RELAYING if any(known is not Update for known in kinds) else ()
    schemas = [{"$ref": f"{_REF}{known.__name__}Call"} for known in kinds]
    body = {
        "schema": schemas[0] if len(schemas) == 1 else {"oneOf": schemas},
        "examples": {known.method: {"value": EXAMPLES[known.method]} for known in kinds},
    }
    return {
        "tags": [CALLS],
        "response_model": Accepted,
        "responses": refusals(*_SHARED, *(_REGISTERING if Update in kinds else ()), *relaying),
        "openapi_extra": {"requestBody": {"required": True, "content": {"application/json": body}}},
    }


def refusals(*kinds: type[Refused]) -> dict[int | str, dict[str, Any]]:
    """Return FastAPI's `responses` for these refusals: one entry a status, one example a code."""
    found: dict[int | str, dict[str, Any]] = {}
    for kind in dict.fromkeys(kinds):
        answer = {
            "ok": False,
            "timestamp": EXAMPLE_TIME,
            "code": kind.code,
            "reason": kind.reason,
            "errors": [],
        }
        entry = found.setdefault(
            kind.status, {"model": Refusal, "content": {"application/json": {"examples": {}}}}
        )
        entry["content"]["application/json"]["examples"][kind.code] = {
            "summary": kind.__doc__,
            "value": answer,
        }
        entry["description"] = " ".join(
            filter(None, [entry.get("description"), f"`{kind.code}`: {kind.__doc__}"])
        )
    return found


def install(app: FastAPI) -> None:
    """Give *app* a document that describes the bodies, which the framework never parses itself."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes
            )
            app.openapi_schema["components"]["schemas"] |= _call_schemas()
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # the way FastAPI documents


def _call_schemas() -> dict[str, Any]:
    schemas: dict[str, Any] = {}
    for kind in METHODS.values():
        data = kind.model_json_schema(by_alias=True, ref_template=_REF + "{model}")
        schemas |= data.pop("$defs", {})
        schemas[kind.__name__] = data
        schemas[f"{kind.__name__}Call"] = {
            "type": "object",
            "description": kind.__doc__,
            "required": ["a", "b", "c"],
            "additionalProperties": False,
            "properties": {
                "a": {"const": kind.method, "description": "The method."},
                "b": {"$ref": _REF + kind.__name__},
                "c": _SIGNATURE,
            },
        }
    return schemas
