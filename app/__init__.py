"""Whisper: WebRTC signaling by Web Push."""
