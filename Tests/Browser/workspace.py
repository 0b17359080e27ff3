"""A workspace as a person sees it: by the names that are on its pages."""

import re

from playwright.sync_api import expect

API = "/services/data/v60.0"


def start_sign_in(page, tenant):
    """From the workspace's first page to Salesforce's login page."""
    page.goto(f"{tenant.url}/")
    sign_in_control(page).click()
    expect(page.get_by_label("Username")).to_be_visible()


def sign_in_control(page):
    """The link or button that starts a sign-in."""
    name = "Sign in with Salesforce"
    return page.get_by_role("link", name=name).or_(page.get_by_role("button", name=name)).first


def log_in_at_salesforce(page, person):
    """Fills in Salesforce's login page."""
    page.get_by_label("Username").fill(person.username)
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Log In").click()


def consent(page):
    """Allows the app, where Salesforce asks."""
    allow = page.get_by_role("button", name="Allow")
    expect(allow.or_(sign_out_button(page)).first).to_be_visible()
    if allow.is_visible():
        allow.click()


def sign_in(page, tenant, person):
    """The whole way in."""
    start_sign_in(page, tenant)
    log_in_at_salesforce(page, person)
    consent(page)
    expect_signed_in(page, tenant, person)


def sign_out_button(page):
    """What ends the session."""
    return page.get_by_role("button", name="Sign out", exact=True)


def expect_signed_in(page, tenant, person):
    """The page says where one is and as whom."""
    expect(sign_out_button(page)).to_be_visible()
    expect(page.get_by_role("heading", name=re.compile(re.escape(tenant.company))).first).to_be_visible()
    expect(page.get_by_role("main").get_by_text(person.name).first).to_be_visible()


def expect_signed_out(page):
    """The page offers to sign in, and nobody's session."""
    expect(sign_in_control(page)).to_be_visible()
    expect(sign_out_button(page)).to_have_count(0)


def query_field(page):
    """Where a SOQL query is typed."""
    return page.get_by_role("textbox", name="SOQL query")


def run_query(page, soql):
    """Runs a query in the explorer."""
    query_field(page).fill(soql)
    page.get_by_role("button", name="Run query").click()


def session_cookies(context, url):
    """The session cookies that the browser would send to an address."""
    return [cookie for cookie in context.cookies(url) if cookie["name"].endswith("formation_session")]


def fetch_status(page, path, method="GET"):
    """The status of a call that the page itself makes."""
    return page.evaluate(
        "([path, method]) => fetch(path, {method}).then(answer => answer.status)", [path, method]
    )


def tab_to(page, control, stops_max=40):
    """Presses Tab until a control has the focus."""
    for _ in range(stops_max):
        if control.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{stops_max} presses of Tab do not reach {control}")
