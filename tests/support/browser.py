"""Runs a real Chromium without a window, with no background traffic and a profile of its own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

_QUIET = (
    "--headless=new",
    "--no-sandbox",  # it does not work as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--force-device-scale-factor=1",
    "--font-render-hinting=none",
)


def missing_requirement() -> str | None:
    """Say what is missing to run a browser; ``None`` if nothing is."""
    if find_spec("selenium") is None:
        return "selenium is not installed (pip install '.[browser]')"
    absent = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"{' and '.join(absent)} not found (Debian: chromium, chromium-driver)" if absent else None


@contextmanager
def chromium(width: int, height: int) -> Iterator[Chrome]:
    """Run a browser with a viewport of this size, in pixels, and delete its profile at the end."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for argument in (*_QUIET, f"--user-data-dir={profile}", f"--window-size={width},{height}"):
            options.add_argument(argument)
        browser = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
        try:
            resize(browser, width, height)
            yield browser
        finally:
            browser.quit()


def resize(browser: Chrome, width: int, height: int) -> None:
    """Resize the viewport, in pixels."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def set_color_scheme(browser: Chrome, *, dark: bool) -> None:
    """Set the colour scheme that the user's system prefers."""
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
