"""Constants of the protocol, each with its unit, reason and source."""

# A call must fit one Web Push message; 8 KiB leaves room for white space and escapes, not for abuse.
MAX_BODY_BYTES = 8192

# RFC 8291, section 4: a push service promises 4096 bytes; 86 of header, 1 delimiter and 16 of tag leave 3993.
MAX_PLAINTEXT_BYTES = 3993

# RFC 8785 takes numbers as IEEE 754 doubles: beyond 2^53 - 1 two integers may share one text.
MAX_INTEGER = 2**53 - 1

# How far a timestamp may be from the server's clock, both ends included. A request takes well under this.
CLOCK_WINDOW_MS = 5_000

# A subscription that its browser has not confirmed for this long is taken for abandoned.
SUBSCRIPTION_LIFE_MS = 180 * 24 * 60 * 60 * 1000

# UnifiedPush allows endpoints of 1000 bytes; the browsers' are shorter.
MAX_ENDPOINT_BYTES = 1024

# A person reads a few faults at once, and an answer stays small whatever came in.
MAX_FAULTS = 8

# The code of a verification push is 22 characters; others need not be read to be wrong.
MAX_CODE_CHARACTERS = 64

# Subscriptions of one address that are called at once: a phone or two, a laptop, a desk, a tablet.
MAX_DEVICES = 5

DEVICE_BYTES = 9  # id of a device: short, as it travels in calls; unique among one person's
DEVICE_PATTERN = "^[A-Za-z0-9_-]{12}$"  # the same in base64url
ADDRESS_BYTES = 32  # Ed25519 public key, RFC 8032
ENCRYPTION_KEY_BYTES = 32  # X25519 public key, RFC 7748
SIGNATURE_BYTES = 64  # Ed25519 signature, RFC 8032
P256DH_BYTES = 65  # uncompressed P-256 point, RFC 8291
AUTH_BYTES = 16  # authentication secret, RFC 8291
