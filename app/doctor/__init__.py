"""The `whisper doctor` command: checks of settings, databases, Redis and push services, with remedies."""
