"""Audio and video of a connection."""
