"""Documentation page: Swagger UI from our own server, in a sandbox."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse

from app.api.documentation import document

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
# own, and it may ask nothing of any server: the document is in its script.
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
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


def _start_script(spec: dict[str, Any]) -> str:
    # Nothing is sent from the page: a call needs a signature, and there is no key here.
    options: dict[str, object] = {
        "spec": spec,
        "dom_id": "#swagger-ui",
        "supportedSubmitMethods": [],
        "validatorUrl": None,
    }
    return f"SwaggerUIBundle({json.dumps(options)});"
