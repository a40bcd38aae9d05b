"""HTTP server on uvicorn and uvloop: connections, worker processes, signals, garbage collection."""
