"""Floor of a registration: CPU time of one Ed25519 verification and one statement that commits.

The statement is timed as a server sends it: on asyncpg itself, over as many connections as a worker keeps
open. Only the client's side counts, as only the server's own processes count in the benchmark.
"""

import asyncio
import os
import time

import asyncpg
import uvloop

from bench.harness import crypto_baseline

CONNECTIONS = 10
STATEMENTS = 300  # over each of them, with as many iterations as the crypto baseline has by default
_TABLE = """
CREATE TABLE IF NOT EXISTS registration_floor (address bytea PRIMARY KEY, endpoint text, at bigint)
"""
_STORE = """
INSERT INTO registration_floor VALUES ($1, $2, $3)
ON CONFLICT (address) DO UPDATE SET endpoint = excluded.endpoint, at = excluded.at
"""


def measure(url: str, iterations: int) -> float:
    """Return the seconds of CPU, with a table of its own in the database at *url*."""
    verifying = crypto_baseline.measure_steps(iterations)["Ed25519 verify"]
    return verifying + uvloop.run(_measure_statement(url, iterations))


async def _measure_statement(url: str, iterations: int) -> float:
    statements = STATEMENTS * iterations // crypto_baseline.ITERATIONS
    connections = [await asyncpg.connect(url) for _ in range(CONNECTIONS)]
    await connections[0].execute(_TABLE)
    await asyncio.gather(*(_store(each, 1) for each in connections))  # prepares it
    began = time.process_time()
    await asyncio.gather(*(_store(each, statements) for each in connections))
    used = time.process_time() - began
    for each in connections:
        await each.close()
    return used / (CONNECTIONS * statements)


async def _store(connection: asyncpg.Connection, times: int) -> None:
    address, endpoint = os.urandom(32), "https://push.example/" + "g" * 180
    for turn in range(times):
        await connection.execute(_STORE, address, endpoint, turn)
