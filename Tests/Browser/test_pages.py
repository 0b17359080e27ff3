"""Every page can be read: by people who use a screen reader, a phone or dark colours, and by people who are lost."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from workspace import run_query, sign_in

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
REQUEST_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PHONE = {"width": 320, "height": 640}


def show_sign_in(page, demo, tenant):
    page.goto(f"{tenant.url}/")


def show_workspace(page, demo, tenant):
    sign_in(page, tenant, tenant.users[0])


def show_results(page, demo, tenant):
    sign_in(page, tenant, tenant.users[0])
    run_query(page, "SELECT Id, Name, Industry, Phone FROM Account LIMIT 20")
    expect(page.get_by_role("table")).to_be_visible()


def show_failure(page, demo, tenant):
    page.goto(f"{tenant.url}/auth/callback?error=access_denied&error_description=end-user+denied&state=unknown")


def show_missing_page(page, demo, tenant):
    page.goto(f"{tenant.url}/no-such-page")


def show_api(page, demo, tenant):
    page.goto(f"{tenant.url}/api/docs")


def show_unknown_workspace(page, demo, tenant):
    page.goto(demo.base_url.replace("://", "://nobody."))


def show_front_door(page, demo, tenant):
    page.goto(f"{demo.base_url}/")


PAGES = {
    "sign-in": show_sign_in,
    "workspace": show_workspace,
    "results": show_results,
    "sign-in-failed": show_failure,
    "missing-page": show_missing_page,
    "api": show_api,
    "unknown-workspace": show_unknown_workspace,
    "front-door": show_front_door,
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_page_is_accessible(new_context, demo, axonify, screenshot, name, scheme):
    """axe finds nothing serious, in light and in dark colours."""
    page = new_context(color_scheme=scheme).new_page()
    PAGES[name](page, demo, axonify)
    screenshot(page, f"page-{name}-{scheme}")
    found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
    serious = [
        (violation["id"], violation["help"], [node["html"] for node in violation["nodes"]])
        for violation in found
        if violation["impact"] in ("serious", "critical")
    ]
    assert serious == []


@pytest.mark.parametrize("name", PAGES)
def test_page_says_what_it_is(page, demo, axonify, name):
    """A language, a title and one main heading."""
    PAGES[name](page, demo, axonify)
    assert page.locator("html").get_attribute("lang")
    assert page.title().strip()
    expect(page.get_by_role("heading", level=1)).to_have_count(1)


@pytest.mark.parametrize("name", PAGES)
def test_page_fits_a_phone(new_context, demo, axonify, screenshot, name):
    """Nothing but a wide table scrolls sideways, and that inside its own box."""
    page = new_context(viewport=PHONE).new_page()
    PAGES[name](page, demo, axonify)
    screenshot(page, f"page-{name}-phone")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


@pytest.mark.parametrize("name", PAGES)
def test_page_keeps_to_its_policy(page, demo, axonify, name):
    """The browser has nothing to complain of: no blocked style, script or image, no error."""
    complaints = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    PAGES[name](page, demo, axonify)
    # The browser itself notes every page whose status is 400 or more.
    assert [text for text in complaints if "the server responded with a status of" not in text] == []


def test_unknown_hosts_look_alike(page, demo, axonify):
    """An unknown workspace, a nested name and a reserved one: nothing tells them apart."""
    bodies = set()
    for label in ("nobody", f"a.{axonify.host.split('.')[0]}", "mail"):
        answer = page.goto(demo.base_url.replace("://", f"://{label}."))
        assert answer.status == 404
        # Each request has an id of its own.
        bodies.add(REQUEST_ID.sub("", answer.text()))
    assert len(bodies) == 1
