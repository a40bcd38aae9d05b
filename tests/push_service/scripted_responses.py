"""Scripted responses: what a test has the push service answer, to see how a sender reacts."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, model_validator

# In a script: every endpoint that has no script of its own.
ANY = "*"

# Bytes an endless answer writes at a time.
CHUNK = bytes(16 * 1024)

# A token of RFC 9110 section 5.6.2, except the names of the framing, which belongs to the server.
HeaderName = Annotated[str, StringConstraints(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", max_length=100)]
HeaderValue = Annotated[str, StringConstraints(pattern=r"^[\t\x20-\x7e]*$")]
FRAMING = frozenset({"connection", "content-length", "transfer-encoding", "upgrade"})


class ScriptedResponse(BaseModel):
    """One scripted answer; one that says nothing but *delay* and *forever* is the normal answer."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    status: int = Field(201, ge=200, le=599)
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict)
    body: str = ""
    # Seconds before anything else happens.
    delay: float = Field(0, ge=0, le=60)
    # Never answer at all, or stop after the head and one byte.
    hang: Literal["head", "body"] | None = None
    # Close the connection instead of answering.
    disconnect: bool = False
    # Write zeros until the sender goes.
    endless: bool = False
    # Give this answer to every later message as well.
    forever: bool = False

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        """Refuse an answer that ends in two ways, or frames itself."""
        if (self.hang is not None) + self.disconnect + self.endless > 1:
            raise ValueError("hang, disconnect and endless exclude each other")
        if FRAMING & {name.lower() for name in self.headers}:
            raise ValueError("the server frames its answers")
        return self

    @property
    def is_normal(self) -> bool:
        """Whether the message is handled as if there were no script, after the delay."""
        return self.model_fields_set <= {"delay", "forever"}

    @property
    def status_sent(self) -> int | None:
        """The status that the sender sees, if it sees one."""
        return None if self.disconnect or self.hang == "head" else self.status


ANSWERS = TypeAdapter(list[ScriptedResponse])
NORMAL = ScriptedResponse()


class ResponseScripts:
    """Scripted answers that are still to be given, by endpoint token or `ANY`."""

    def __init__(self) -> None:
        self._answers: dict[str, deque[ScriptedResponse]] = {}

    def write(self, token: str, answers: Sequence[Mapping[str, Any]]) -> None:
        """Replace the script of *token*; raise `ValueError` when *answers* is no script."""
        self._answers[token] = deque(ANSWERS.validate_python(answers))

    def write_json(self, token: str, answers: bytes) -> None:
        """Do the same with a JSON text."""
        self._answers[token] = deque(ANSWERS.validate_json(answers))

    def clear(self) -> None:
        """Forget every script."""
        self._answers.clear()

    def take(self, token: str) -> ScriptedResponse:
        """Return the next answer for *token*: of its own script, else of `ANY`'s, else the normal one."""
        queue = self._answers.get(token) or self._answers.get(ANY)
        if not queue:
            return NORMAL
        return queue[0] if queue[0].forever else queue.popleft()


async def perform(answer: ScriptedResponse, request: web.Request) -> web.StreamResponse:
    """ScriptedResponse *request* as written; what never ends is ended by cancelling."""
    if answer.disconnect and request.transport:
        request.transport.close()
    if answer.hang == "head":
        await asyncio.Event().wait()
    if answer.hang == "body":
        await stall(answer, request)
    if answer.endless:
        await flood(answer, request)
    return web.Response(status=answer.status, headers=answer.headers, body=answer.body.encode())


async def stall(answer: ScriptedResponse, request: web.Request) -> None:
    """Send the head, one byte, and then nothing."""
    response = await begin(answer, request)
    await response.write(b"x")
    await asyncio.Event().wait()


async def flood(answer: ScriptedResponse, request: web.Request) -> None:
    """Send the head, and then zeros without end, as fast as they are read."""
    response = await begin(answer, request)
    while True:
        await response.write(CHUNK)
        await asyncio.sleep(0)  # a sender that reads fast must not keep everyone else from running


async def begin(answer: ScriptedResponse, request: web.Request) -> web.StreamResponse:
    """Send the head of an answer whose body follows."""
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    await response.prepare(request)
    return response
