"""uvicorn, uvloop, garbage collection, signals and processes."""
