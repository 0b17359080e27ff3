"""The vendor's own frontend in place of the built-in page: the complete page of docs/frontend.md."""

import shutil

import pytest
from playwright.sync_api import expect

from Support import demo as demos
from test_settings import violations
from workspace import consent, fetch_status, log_in_at_salesforce, sign_in_control

EXAMPLE = demos.REPOSITORY / "docs/examples/frontend"


@pytest.fixture(scope="module")
def hosted():
    """A demo whose gateway serves the example."""
    running = demos.start(FRONTEND_DIR=str(EXAMPLE))
    yield running
    status = demos.stop(running)
    assert status == 0, f"formation demo ended with {status}:\n{running.log.read_text()[-4000:]}"
    shutil.rmtree(running.log.parent)


@pytest.fixture
def tenants(hosted):
    """Axonify and Globex, behind that gateway."""
    return hosted.tenants


def enter(page, tenant, path="/"):
    """Opens a page of the frontend, which leads to Salesforce and back."""
    person = tenant.users[0]
    page.goto(f"{tenant.url}{path}")
    sign_in_control(page).click()
    log_in_at_salesforce(page, person)
    consent(page)
    expect(page.get_by_role("status")).to_have_text(f"{person.name}, {tenant.company}")


def test_example_signs_in_lists_and_writes(page, tenants, screenshot):
    """What the document says of it, step by step."""
    enter(page, tenants[0])
    rows = page.get_by_role("row")
    expect(rows.nth(20)).to_be_visible()
    page.get_by_label("New account").fill("Written by the example")
    page.get_by_role("button", name="Add").click()
    expect(rows.nth(1)).to_contain_text("Written by the example")
    expect(page.get_by_label("New account")).to_have_value("")
    screenshot(page, "frontend-example")
    assert violations(page) == []


def test_each_tenant_has_its_own_people(new_context, tenants):
    """One directory of files, and nothing of one tenant's at the other."""
    for tenant in tenants:
        page = new_context().new_page()
        enter(page, tenant)
        others = [person.name for other in tenants if other is not tenant for person in other.users]
        assert not [name for name in others if name in page.content()]


def test_deep_links_lead_back(page, tenants):
    """A path of the application is its page, before and after signing in."""
    enter(page, tenants[0], "/deals/open")
    assert page.url == f"{tenants[0].url}/deals/open"
    page.reload()
    expect(page.get_by_role("heading", name="Accounts")).to_be_visible()


def test_signing_out_is_final(page, tenants):
    """The form ends the session; the page offers to sign in, and does not do it by itself."""
    enter(page, tenants[0])
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("status")).to_have_text("You are not signed in.")
    expect(sign_in_control(page)).to_be_visible()
    assert fetch_status(page, "/api/me") == 401


def test_session_that_ended_is_noticed(page, tenants):
    """A call that meets 401 says so, offers the way back, and keeps what was written."""
    enter(page, tenants[0])
    page.context.clear_cookies()
    page.get_by_label("New account").fill("Too late")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("status")).to_have_text("You are not signed in.")
    expect(sign_in_control(page)).to_be_visible()
    expect(page.get_by_label("New account")).to_have_value("Too late")


def test_the_gateways_own_pages_stay(page, tenants):
    """Settings and the API's description are where they were."""
    enter(page, tenants[0])
    page.goto(f"{tenants[0].url}/settings/keys")
    expect(page.get_by_role("heading", level=1)).to_have_text("Access keys")
    page.goto(f"{tenants[0].url}/api/docs")
    expect(page.get_by_role("heading", level=1)).to_have_text("API")
    page.get_by_role("link", name="FormationIQ").click()
    expect(page.get_by_role("heading", name="Accounts")).to_be_visible()
