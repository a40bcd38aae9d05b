"""Protocol of the peer, without I/O, clock or logging: keys, messages, verification and sealing."""
