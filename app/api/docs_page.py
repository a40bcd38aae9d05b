"""Documentation page: Swagger UI from our own server, in a sandbox."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse

from app.api.openapi import document
from app.api.openapi_examples import EXAMPLE_TIME, EXAMPLES

# Swagger UI's files as a package has them: the folder that `Pages` serves at this path.
SWAGGER_FILES = {"/docs/files": Path(str(files("fastapi_offline"))) / "static"}

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Whisper's API</title>
<link rel="icon" href="docs/files/favicon.png">
<link rel="stylesheet" href="docs/files/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/files/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""

# The page shares the app's origin, whose storage has the visitor's key. `sandbox` gives it an origin of its
# own, and it may ask nothing of any server but this one, as any page elsewhere may.
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox allow-scripts"
)

router = APIRouter(include_in_schema=False)


@router.get("/")
async def root() -> RedirectResponse:
    """Lead a visitor to the documentation, unless the web app's page is served here."""
    return RedirectResponse("docs")


@router.get("/openapi.json")
async def openapi(request: Request) -> JSONResponse:
    """Return the OpenAPI document."""
    return JSONResponse(document(request.app))


@router.get("/docs")
async def docs() -> HTMLResponse:
    """Return the page that shows the document."""
    return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _PAGE_POLICY})


@router.get("/docs/start.js")
async def start_script(request: Request) -> Response:
    """Return the page's script, with the document in it."""
    return Response(_start_script(document(request.app)), media_type="text/javascript")


# "Execute" sends an example as a call of a key that is made here, lives in this page and is thrown away with
# it, at the time of now. Whatever was edited by hand is sent as it stands: that shows the refusals. Without
# the client's modules (no web app here, or no pages of other origins) nothing can be sent.
_START = """
const [spec, examples, time] = %s;
const fixed = { spec, dom_id: '#swagger-ui', validatorUrl: null };

async function makeSigner() {
  const load = (name) => import(new URL(`client/${name}`, document.baseURI));
  const { Identity } = await load('identity.js');
  const { canonical } = await load('protocol/messages.js');
  const { publicKey, privateKey } = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify']);
  const raw = new Uint8Array(await crypto.subtle.exportKey('raw', publicKey));
  const address = btoa(String.fromCharCode(...raw));
  const identity = new Identity({ address, key: privateKey });
  return async (call) => {
    if (!examples.includes(call.c)) return call;
    for (const [name, value] of Object.entries(call.b)) if (value === time) call.b[name] = Date.now();
    call.b.a = address;
    return { ...call, c: await identity.sign(canonical(call.b)) };
  };
}

makeSigner().then(
  (sign) => SwaggerUIBundle({
    ...fixed,
    requestInterceptor: async (request) => {
      if (request.body) request.body = JSON.stringify(await sign(JSON.parse(request.body)));
      return request;
    },
  }),
  () => SwaggerUIBundle({ ...fixed, supportedSubmitMethods: [] }),
);
"""


def _start_script(spec: dict[str, Any]) -> str:
    signatures = [example["c"] for example in EXAMPLES.values()]
    return _START % json.dumps([spec, signatures, EXAMPLE_TIME])
