"""Examples of every call for the API documentation."""

from typing import Any

# Alice's and Bob's, really signed; their time has passed, so the server will say `stale_timestamp`.
_ALICE = "0vcNJb8AFTBK7zRYUHX8BE+NeQ0L+G3V3VK8+Hvl5ms="
_BOB = "wBB9dB+qEOlfU2qNKw3yBCKbyU405tVIExd5Maclm/I="
_ALICES_KEY = "yOovaJlIpFnGsXzz3m232J5E5bWWTfljYAawRCKNdT0="
_BOBS_KEY = "C+SVOoSYNvs6XRUJ4P5OguT/nxfuqpNliMt8LpRc9FQ="
EXAMPLE_TIME = 1760000000000
EXAMPLES: dict[str, dict[str, Any]] = {
    "update": {
        "a": "update",
        "b": {
            "a": _ALICE,
            "b": {
                "a": "https://updates.push.services.mozilla.com/wpush/v2/gAAAAABo-example_endpoint",
                "b": None,
                "c": {
                    "a": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4=",
                    "b": "BTBZMqHH6r4Tts7J_aSIgg==",
                },
            },
            "c": EXAMPLE_TIME,
        },
        "c": "yuln5HYJ4GG5iAsbYk3XaUDU281GEa8jUpJh3bn/YODHa0jGdGLHhaJzSdFOhkzL4OoyXv4knEcbDjBxFCOADw==",
    },
    "dial": {
        "a": "dial",
        "b": {"a": _ALICE, "b": EXAMPLE_TIME, "c": _BOB, "d": _ALICES_KEY},
        "c": "FUDVde4dFUMLGW04NZWcwM6+CM1b58ArnInuUkK91X4wc8Wr63v4/12aE9ONsW7XsEZASksnNMXcgRHfy49UAg==",
    },
    "offer": {
        "a": "offer",
        "b": {
            "a": _BOB,
            "b": EXAMPLE_TIME,
            "c": _ALICE,
            "d": _BOBS_KEY,
            "e": "AQABAgMEBQYHCAkKCyU+r05N+MyEJ3qp+shTEtKrhV0D+zKcMyl5mALi+I24VapAxBflu+pgXwhaVHV7c0wTKrP4miT1qx+u"
            "jNvtXemOOXHVPBuHbhLI8TARR4btOZT8cpkDJuBGIH4l",
        },
        "c": "g2RdNwl3USNuZefXcE2AURm9AUFHD3fM2BT0RtJKaHq3W7TjRmALsP+siAt33NY7OKt7WPq+mi/x6skWkv7GAg==",
    },
    "answer": {
        "a": "answer",
        "b": {
            "a": _ALICE,
            "b": EXAMPLE_TIME,
            "c": _BOB,
            "d": _ALICES_KEY,
            "e": "AQABAgMEBQYHCAkKC4AvVPjfXCi3ltH82RZ06OVEKwJ/iXss4nWo3wMmCKQ9spcimsr8mq3nnNHaSQa6RBhmpZOMZLH7v4/t"
            "zXNqNrh6g5WPOFbHW5eAHrxq28Kt+AJpCFWk4n6/ul58IA==",
        },
        "c": "rJ+I38jAd534D8Q95CBMldVgXvaIPGlm7dhqfC+mHnD/eBV2+h+4hhZqKXqkLH28v2ErpGcy+DF8fP4GBXzaBw==",
    },
    "ice": {
        "a": "ice",
        "b": {
            "a": _BOB,
            "b": EXAMPLE_TIME,
            "c": _ALICE,
            "d": _BOBS_KEY,
            "e": "AQABAgMEBQYHCAkKCwVn+VRc84rXYXS7+Y8bEp3omF0avWnKIC545EGew6bVWLhA1hT3x5Z1ImtORX17alINNq3ni02zxEPs"
            "kYLIX5WIIj+RPgf5byrWniQAiFYFkzgJQwBjcb7XLR4swK3vn4XXfUFGRKCc1uDMAiEJrP6KYJgPFd39tp58FxKfJNfZJm1m"
            "FD5G6xZsbAyYAkUe5A==",
            "f": 2,
        },
        "c": "NI849XxhGOSJ0sKPH9Aj5toT2t+LkwSaKF52VdDuRPRZyb2udBHq7A/t9YT+VO13u7qWTBIW0KiNVrnxpy6kDg==",
    },
    "close": {
        "a": "close",
        "b": {"a": _ALICE, "b": EXAMPLE_TIME, "c": _BOB},
        "c": "euj379xUJ3zIMEd1QlMXLdoLNFwUVT+5JnAWQLEZr4/zv1/CDW5RiIgpI3rnLL2SqgsFGXB3dLYJNOwVUu8HDQ==",
    },
}
