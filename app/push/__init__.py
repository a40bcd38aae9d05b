"""Push messages: encryption, VAPID, delivery to push services."""
