"""QR codes of the app, as an independent decoder reads them."""

import json
import subprocess
from typing import Any

import pytest
import zxingcpp

from tests.processes import ROOT

_ENCODE = """
import { encodeQr } from './web/app/qr/qr-encoder.js';
const rowsOf = (symbol) => Array.from({ length: symbol.size }, (_, y) =>
    Array.from({ length: symbol.size }, (_, x) => Number(symbol.isDark(x, y))));
console.log(JSON.stringify(JSON.parse(process.argv[1]).map((text) => rowsOf(encodeQr(text)))));
"""
QUIET_ZONE = 4
SCALE = 3
MOST_AT_LEVEL_M = 2331
MOST = 2953
TEXTS = [
    *(("https://whisper.example.org/#" + "aB3%2F~" * 500)[:size] for size in range(1, MOST, 41)),
    *(f"{number}#{number**9}" for number in range(80)),
    "x" * MOST_AT_LEVEL_M,
    "x" * MOST,
    "日本語 ñ 🎉 مرحبا",
]


@pytest.fixture(name="read", scope="module")
def _read() -> list[tuple[str, str, str]]:
    """Text, level and mask of the symbol of each of the texts, as they are read."""
    command = [str(ROOT / ".venv/bin/node"), "--input-type=module", "--eval", _ENCODE, json.dumps(TEXTS)]
    made = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60).stdout
    return [_decode(rows) for rows in json.loads(made)]


def _decode(rows: list[list[int]]) -> tuple[str, str, str]:
    """Draw a symbol with its quiet zone, dark on light, and read it."""
    size = (len(rows) + 2 * QUIET_ZONE) * SCALE
    picture = bytearray(b"\xff" * size**2)
    for y, row in enumerate(rows):
        line = b"".join(bytes([0 if dark else 255]) * SCALE for dark in row)
        for repeated in range(SCALE):
            start = ((y + QUIET_ZONE) * SCALE + repeated) * size + QUIET_ZONE * SCALE
            picture[start : start + len(line)] = line
    found: Any
    [found] = zxingcpp.read_barcodes(
        memoryview(picture).cast("B", (size, size)), zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    )
    return found.text, found.ec_level, found.extra["DataMask"]


def test_every_version_is_read_as_it_was_written(read: list[tuple[str, str, str]]) -> None:
    """A decoder that others wrote reads each text, from one byte to as many as there is room for."""
    assert [text for text, _, _ in read] == TEXTS


def test_the_level_is_m_where_it_has_room(read: list[tuple[str, str, str]]) -> None:
    """Level L is taken only for texts that no symbol of level M holds."""
    assert [level for _, level, _ in read] == [
        "L" if len(text.encode()) > MOST_AT_LEVEL_M else "M" for text in TEXTS
    ]


def test_every_mask_is_used(read: list[tuple[str, str, str]]) -> None:
    """Each of the eight masks is the best one of some text, and is read."""
    assert {int(mask) for _, _, mask in read} == set(range(8))
