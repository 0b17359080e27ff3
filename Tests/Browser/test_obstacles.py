"""What people see of a workspace that can't be used, and what each page tells them to do next."""

import secrets
import shutil

import pytest
from playwright.sync_api import expect

from Support import demo as demos
from test_settings import press, violations
from workspace import consent, sign_in, sign_in_control

WIDTHS = (360, 1440)


@pytest.fixture(scope="module")
def operated():
    """A demo whose operator works beside it."""
    running = demos.start(ENCRYPTION_KEY=secrets.token_hex(32))
    for label, *options in (
        ("initech", "--status", "trial", "--trial-ends", "2026-01-31"),
        ("hooli", "--status", "cancelled"),
        ("umbrella", "--status", "active"),
    ):
        running.operate(
            *("customer", "create", "--company", label.capitalize(), "--subdomain", label),
            *("--salesforce-url", f"https://{label}.my.salesforce.com", *options),
        )
    yield running
    status = demos.stop(running)
    assert status == 0, f"formation demo ended with {status}:\n{running.log.read_text()[-4000:]}"
    shutil.rmtree(running.log.parent)


OBSTACLES = {
    "initech": ("Trial over", "The trial of this workspace ended on 31 January 2026. Its admin can choose a plan."),
    "hooli": ("Subscription cancelled", "The subscription of this workspace was cancelled. Its admin can choose a plan."),
    "umbrella": (
        "Not connected to Salesforce",
        "This workspace is not connected to Salesforce yet. The operator of this service must enter its client id and"
        " secret.",
    ),
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("label", OBSTACLES)
def test_start_page_says_why(new_context, operated, screenshot, label, width, scheme):
    """Title, reason and who can do something; and no way to sign in that would fail."""
    page = new_context(viewport={"width": width, "height": 800}, color_scheme=scheme).new_page()
    page.goto(operated.base_url.replace("://", f"://{label}."))
    title, detail = OBSTACLES[label]
    expect(page.get_by_role("heading", name=title)).to_be_visible()
    expect(page.get_by_text(detail)).to_be_visible()
    expect(sign_in_control(page)).to_have_count(0)
    screenshot(page, f"obstacle-{label}-{width}-{scheme}")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("label", OBSTACLES)
def test_sign_in_says_why(page, operated, screenshot, label):
    """An old link to the sign-in leads to the same words, and back to the start."""
    answer = page.goto(f"{operated.base_url.replace('://', f'://{label}.')}/auth/login")
    assert answer.status in (402, 409)
    title, detail = OBSTACLES[label]
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    expect(page.get_by_text(detail)).to_be_visible()
    screenshot(page, f"obstacle-{label}-sign-in")
    assert violations(page) == []


def test_suspended_while_signed_in(page, operated, screenshot):
    """Suspending signs everybody out: they read why, wherever they go, and sign in again where it is over."""
    globex = operated.tenants[1]
    admin = globex.users[0]
    sign_in(page, globex, admin)
    explorer = page.get_by_role("button", name="Run query")
    expect(explorer).to_be_visible()
    operated.operate("customer", "suspend", "globex")
    reload_until(page, page.get_by_role("heading", name="Workspace suspended"))
    expect(explorer).to_have_count(0)
    screenshot(page, "obstacle-suspended")
    assert violations(page) == []
    expect(sign_in_control(page)).to_have_count(0)
    page.goto(f"{globex.url}/settings/people")
    expect(page.get_by_role("heading", level=1)).to_have_text("Workspace suspended")
    expect(page.get_by_text("This workspace is suspended. Ask the operator of this service.")).to_be_visible()
    assert violations(page) == []
    press(page, page.get_by_role("link", name="Go to the start page"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Globex")
    operated.operate("customer", "resume", "globex")
    reload_until(page, sign_in_control(page))
    # Salesforce still knows this browser.
    sign_in_control(page).click()
    consent(page)
    expect(explorer).to_be_visible()


def reload_until(page, sign):
    """Loads the page again until a sign is there: processes follow the operator within three seconds."""
    for _ in range(200):
        page.reload()
        if sign.count():
            break
    expect(sign).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_front_door_finds_the_workspace(new_context, operated, screenshot, width, scheme):
    """With the keyboard alone: a wrong name is told, a right one leads to its sign-in."""
    page = new_context(viewport={"width": width, "height": 800}, color_scheme=scheme).new_page()
    page.goto(operated.base_url)
    field = page.get_by_label("Workspace name")
    field.focus()
    page.keyboard.type("not a name!")
    page.keyboard.press("Enter")
    expect(page.get_by_text("This is not the name of a workspace.")).to_be_visible()
    expect(field).to_have_attribute("aria-invalid", "true")
    screenshot(page, f"front-door-{width}-{scheme}")
    assert violations(page) == []
    field.focus()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("Axonify")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to Axonify")
