"""A real Chromium without a window, for pages: it is told to keep to itself, and has a profile of its own."""

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
    "--no-sandbox",  # as root there is none
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


def missing() -> str | None:
    """What is not there that a browser needs; ``None`` where all is."""
    if find_spec("selenium") is None:
        return "selenium is not installed (pip install '.[browser]')"
    absent = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"{' and '.join(absent)} not found (Debian: chromium, chromium-driver)" if absent else None


@contextmanager
def chromium(width: int, height: int) -> Iterator[Chrome]:
    """A browser with an inside of this size, in pixels; gone at the end, with its profile."""
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
    """The inside of the window, in pixels."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def prefer(browser: Chrome, *, dark: bool) -> None:
    """What the reader's system is set to."""
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
