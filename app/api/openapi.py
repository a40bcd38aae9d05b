"""OpenAPI document: descriptions, examples of every call, and every refusal by code."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from app.api import errors as http
from app.api.call_dispatcher import CALLS
from app.api.openapi_examples import EXAMPLE_TIME, EXAMPLES
from app.api.responses import Accepted, Refusal
from app.limits import errors as limits
from app.protocol import errors
from app.protocol.errors import Refused
from app.protocol.messages import METHODS, Message, Update
from app.push import errors as push
from app.store import errors as store

CALLERS = "Calls"
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
    http.MethodNotAllowed,
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
    http.InternalError,
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
_REGISTERING = (*_DELIVERING, push.EndpointUnverified, store.StaleUpdate, store.SubscriptionGone)
_RELAYING = (*_DELIVERING, store.UnknownRecipient, errors.Replayed, limits.AlreadyInFlight)

_REF = "#/components/schemas/"
_SIGNATURE = {
    "type": "string",
    "contentEncoding": "base64",
    "minLength": 88,
    "maxLength": 88,
    "description": "The sender's Ed25519 signature of the RFC 8785 text of `b`, 64 bytes.",
}


def document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of *app*'s routes and of the calls beside it, made once."""
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes)
        calls = {path: {"post": _operation(path, kind)} for path, kind in CALLS.items()}
        made["paths"] = calls | made["paths"]
        made["components"]["schemas"] |= _call_schemas()
        made["servers"] = [{"url": "."}]  # where this document is, whatever path prefix that has
        app.openapi_schema = made
    return app.openapi_schema


def refusals(*kinds: type[Refused]) -> dict[int | str, dict[str, Any]]:
    """Return OpenAPI's `responses` for these refusals: one entry a status, one example a code."""
    found: dict[int | str, dict[str, Any]] = {}
    for kind in dict.fromkeys(kinds):
        new = {"description": "", "content": _json(Refusal, examples={})}
        entry = found.setdefault(str(kind.status), new)
        entry["description"] = f"{entry['description']} `{kind.code}`: {kind.__doc__}".strip()
        entry["content"]["application/json"]["examples"][kind.code] = {
            "summary": kind.__doc__,
            "value": {
                "ok": False,
                "timestamp": EXAMPLE_TIME,
                "code": kind.code,
                "reason": kind.reason,
                "errors": [],
            },
        }
    return found


def _operation(path: str, kind: type[Message]) -> dict[str, Any]:
    """Return the OpenAPI operation of the calls at *path*."""
    kinds = [known for known in METHODS.values() if issubclass(known, kind)]
    schemas = [{"$ref": f"{_REF}{known.__name__}Call"} for known in kinds]
    body = {
        "schema": schemas[0] if len(schemas) == 1 else {"oneOf": schemas},
        "examples": {known.method: {"value": EXAMPLES[known.method]} for known in kinds},
    }
    relaying = _RELAYING if any(known is not Update for known in kinds) else ()
    registering = _REGISTERING if Update in kinds else ()
    return {
        "tags": [CALLERS],
        "summary": kind.__doc__ if len(kinds) == 1 else "Take any call, as the path of its method does.",
        "operationId": path.strip("/").replace("/", "_"),
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": {
            "200": {"description": Accepted.__doc__, "content": _json(Accepted)},
            **refusals(*_SHARED, *registering, *relaying),
        },
    }


def _json(model: type[BaseModel], **more: object) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"{_REF}{model.__name__}"}, **more}}


def _call_schemas() -> dict[str, Any]:
    schemas: dict[str, Any] = {}
    models: list[type[BaseModel]] = [Accepted, Refusal, *METHODS.values()]
    for model in models:
        schema = model.model_json_schema(by_alias=True, ref_template=_REF + "{model}")
        schemas |= schema.pop("$defs", {})
        schemas[model.__name__] = schema
    for kind in METHODS.values():
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
