"""FastAPI as most would write it: a body model, a SQLModel session, pywebpush in a thread."""

import json
import os
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator
from typing import Annotated, Any

import uvicorn
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fastapi import Depends, FastAPI, HTTPException
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel
from pywebpush import webpush
from sqlalchemy import BigInteger
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import Field, SQLModel, select
from sqlmodel.ext.asyncio.session import AsyncSession

WINDOW_MS = 5000
TTL_S = 60

engine = create_async_engine(os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://"))
app = FastAPI()


class Subscription(SQLModel, table=True):
    """A push subscription."""

    address: bytes = Field(primary_key=True)
    endpoint: str
    p256dh: bytes
    auth: bytes
    expires_at: int = Field(sa_type=BigInteger)


class Call(BaseModel):
    """Body of a call."""

    a: str
    b: dict[str, Any]
    c: str


async def _session() -> AsyncIterator[AsyncSession]:
    async with AsyncSession(engine) as session:
        yield session


@app.post("/{_method}")
async def relay(
    _method: str, call: Call, session: Annotated[AsyncSession, Depends(_session)]
) -> dict[str, Any]:
    """Relay one call."""
    now = time.time_ns() // 1_000_000
    if abs(now - call.b["b"]) > WINDOW_MS:
        raise HTTPException(409, "stale_timestamp")
    text = json.dumps(call.b, separators=(",", ":"))
    try:
        key = Ed25519PublicKey.from_public_bytes(b64decode(call.b["a"]))
        key.verify(b64decode(call.c), text.encode())
    except InvalidSignature:
        raise HTTPException(401, "bad_signature") from None
    query = select(Subscription).where(
        Subscription.address == b64decode(call.b["c"]), Subscription.expires_at > now
    )
    found = (await session.exec(query)).first()
    if found is None:
        raise HTTPException(404, "unknown_recipient")
    await run_in_threadpool(
        webpush,
        subscription_info={
            "endpoint": found.endpoint,
            "keys": {
                "p256dh": urlsafe_b64encode(found.p256dh).decode(),
                "auth": urlsafe_b64encode(found.auth).decode(),
            },
        },
        data=json.dumps({"data": {"a": call.a, "b": text, "c": call.c}}),
        vapid_private_key=os.environ["VAPID_PRIVATE_KEY"],
        vapid_claims={"sub": "mailto:operator@example.org"},
        ttl=TTL_S,
        headers={"Urgency": "high" if call.a == "dial" else "normal"},
    )
    return {"ok": True, "timestamp": now}


if __name__ == "__main__":
    uvicorn.run(app, port=0)
