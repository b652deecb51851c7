"""Debian's Chromium, headless, and the dashboard opened in it."""

import os
import shutil
from contextlib import contextmanager

from harness.process import LOOPBACK
from playwright.sync_api import Page, expect, sync_playwright

CHROMIUM = os.environ.get("SLUICE_CHROMIUM") or shutil.which("chromium")
_OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync"]
VIEWS = ["overview", "pools", "sessions", "statements", "backends", "routes", "events", "configuration"]

expect.set_options(timeout=30_000)  # a machine that also compiles


@contextmanager
def chromium():
    """A browser with a profile of its own, which is gone afterwards. While it runs, its thread has an
    event loop: nothing else may run one there."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_OPTIONS)
        yield browser
        browser.close()


def address(sluice) -> str:
    return f"http://{LOOPBACK}:{sluice.admin_port}/"


def sign_in(page: Page, name: str, password: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def show(page: Page, view: str) -> None:
    page.get_by_role("navigation").get_by_role("link", name=view, exact=False).click()


def agree(page: Page, button: str) -> None:
    """Answers the question that is being asked."""
    page.get_by_role("dialog").get_by_role("button", name=button, exact=True).click()
