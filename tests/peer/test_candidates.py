"""ICE candidates: taken out of the SDP whole, and put back as candidates or not at all."""

import pytest

from whisper_peer.candidates import parse_candidates, split_candidates
from whisper_peer.errors import BrokenSeal

HOST = "candidate:1 1 udp 2122252543 192.0.2.1 54321 typ host"
SDP = (
    "v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:data\r\n"
    f"a={HOST}\r\na=end-of-candidates\r\na=setup:actpass\r\n"
)


def test_candidates_are_taken_out_of_the_sdp() -> None:
    """What is left has none, and is otherwise the same."""
    sdp, _ = split_candidates(SDP)

    assert sdp == SDP.replace(f"a={HOST}\r\na=end-of-candidates\r\n", "")


def test_candidates_taken_out_are_inits() -> None:
    """As a browser's `toJSON()` has them, with an empty one for the end."""
    _, taken = split_candidates(SDP)

    assert taken == [
        {"candidate": HOST, "sdpMid": "data", "sdpMLineIndex": 0},
        {"candidate": "", "sdpMid": "data", "sdpMLineIndex": 0},
    ]


def test_a_candidate_comes_back() -> None:
    """From one peer's SDP to another's aiortc."""
    (candidate,) = parse_candidates([{"candidate": HOST, "sdpMid": "0", "usernameFragment": "abcd"}])

    assert candidate is not None
    assert (candidate.ip, candidate.port, candidate.type, candidate.sdpMid) == (
        "192.0.2.1",
        54321,
        "host",
        "0",
    )


def test_a_candidate_may_name_its_section_by_index() -> None:
    """One of the two names is enough."""
    (candidate,) = parse_candidates([{"candidate": HOST, "sdpMid": None, "sdpMLineIndex": 1}])

    assert candidate is not None
    assert candidate.sdpMLineIndex == 1


def test_an_empty_candidate_is_the_end() -> None:
    """For aiortc that is None."""
    assert parse_candidates([{"candidate": "", "sdpMid": "0"}]) == [None]


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        [None],
        [{}],
        [{"candidate": 1}],
        [{"candidate": HOST}],
        [{"candidate": HOST, "sdpMid": None, "sdpMLineIndex": None}],
        [{"candidate": "candidate:1 1 udp", "sdpMid": "0"}],
        [{"candidate": HOST.replace("54321", "port"), "sdpMid": "0"}],
    ],
)
def test_anything_else_is_refused(value: object) -> None:
    """Only a list of candidates is one."""
    with pytest.raises(BrokenSeal):
        parse_candidates(value)
