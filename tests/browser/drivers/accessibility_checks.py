"""Accessibility and layout checks of a page: axe-core's rules, and whether all of it fits."""

import os
from itertools import product
from pathlib import Path
from typing import Any

from tests.browser.drivers.chromium_tab import Tab
from tests.processes import ROOT

AXE = ROOT / "node_modules/axe-core/axe.min.js"

# CSS pixels: small and larger phones, upright and lying, and a laptop.
SIZES = {"phone": (360, 740), "larger-phone": (390, 844), "lying-phone": (844, 390), "laptop": (1280, 800)}
# Rules look at these: each of two layouts, and each of two sets of colours.
RULED = {("phone", "dark"), ("laptop", "light")}

AXE_FAULTS = """
    const { violations } = await axe.run();
    return violations.flatMap(({ id, help, nodes }) => nodes.map(({ target, any }) =>
        `${id} (${help}): ${target.join(' ')} ${any.map(({ message }) => message).join('; ')}`));
"""

TOO_WIDE = """
    const width = document.documentElement.clientWidth;
    const isOut = ({ left, right }) => right > left && (left < -1 || right > width + 1);
    return [...document.body.querySelectorAll('*')]
        .filter(each => each.checkVisibility({ visibilityProperty: true }))
        .filter(each => isOut(each.getBoundingClientRect()))
        .map(each => `too wide: <${each.localName} id="${each.id}" class="${each.className}">`);
"""

_SETTLED = "return document.getAnimations().every(each => each.effect.getTiming().iterations === Infinity)"


def faults(tab: Tab, name: str) -> list[str]:
    """Return what is wrong with what *tab* shows, on phones and on a laptop, in light and in dark.

    The environment variable `SCREENSHOTS` names a folder that gets a picture of each.
    """
    found: list[str] = []
    if not tab.evaluate("return 'axe' in globalThis"):
        tab.evaluate(AXE.read_text())
    for (size, (width, height)), scheme in product(SIZES.items(), ("light", "dark")):
        is_ruled = (size, scheme) in RULED
        if not (is_ruled or scheme == "light" or "SCREENSHOTS" in os.environ):
            continue
        tab.resize(width, height)
        tab.darken(dark=scheme == "dark")
        tab.wait_until(_SETTLED)
        look = f"{name}-{size}-{scheme}"
        keep_picture(tab, look)
        rules = [TOO_WIDE, AXE_FAULTS] if is_ruled else [TOO_WIDE]
        found += [f"{look}: {fault}" for rule in rules for fault in all_of(tab, rule)]
    return found


def all_of(tab: Tab, script: str) -> list[str]:
    """Return the faults that *script* finds."""
    found: list[Any] = tab.evaluate(script)
    return found


def keep_picture(tab: Tab, look: str) -> None:
    """Keep a picture, where somebody wants one."""
    if folder := os.environ.get("SCREENSHOTS"):
        tab.screenshot(Path(folder) / f"{look}.png")
