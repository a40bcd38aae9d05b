"""HTTP client of tests and servers on this machine: one for all, since each reads all authorities (20 ms)."""

import ssl

import httpx

# Without authorities it believes no certificate.
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

# A connection for each request, as `httpx.get` has it: a server that stops waits for none that is idle.
http = httpx.Client(verify=TLS, limits=httpx.Limits(max_keepalive_connections=0))
