"""A real Chromium, a fresh profile for every test, and a screenshot of what a failed test saw."""

import http.server
import os
import re
import shutil
import threading
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

ARTIFACTS = Path(__file__).parent / "artifacts"
STEP_MILLISECONDS = 15_000


@pytest.fixture(scope="session")
def browser():
    """Chromium; `--no-sandbox`, since it may run as root in a container."""
    ARTIFACTS.mkdir(exist_ok=True)
    path = os.environ.get("CHROMIUM_PATH") or shutil.which("chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """Keeps a picture of every page of a test that failed."""
    outcome = yield
    if outcome.get_result().when != "call" or outcome.get_result().passed:
        return
    name = re.sub(r"\W+", "-", item.name).strip("-")
    for index, context in enumerate(getattr(item, "contexts", [])):
        for number, page in enumerate(context.pages):
            try:
                page.screenshot(path=ARTIFACTS / f"failed-{name}-{index}-{number}.png")
            except Exception as error:  # The failure itself matters more than its picture.
                print(f"no screenshot: {error}")


@pytest.fixture
def new_context(browser, request):
    """Makes browser profiles that know nothing of each other."""
    request.node.contexts = contexts = []

    def make(**options):
        context = browser.new_context(**{"viewport": {"width": 1200, "height": 800}, **options})
        context.set_default_timeout(STEP_MILLISECONDS)
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def context(new_context):
    """A fresh browser profile."""
    return new_context()


@pytest.fixture
def page(context):
    """A tab in a fresh browser profile."""
    return context.new_page()


@pytest.fixture
def screenshot():
    """Keeps a picture of a page, to look at."""

    def take(page, name):
        page.screenshot(path=ARTIFACTS / f"{name}.png", full_page=True)

    return take


class _EmptyPage(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Somewhere else</title><h1>Somewhere else</h1>")

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="session")
def stranger():
    """The origin of a site that has nothing to do with the gateway."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _EmptyPage)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://elsewhere.localhost:{server.server_port}"
    server.shutdown()
    thread.join()
