"""Pure core of the protocol: messages, their parsing and their verification."""
