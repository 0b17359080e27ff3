"""Signing in, who one is then, and signing out."""

import re

from playwright.sync_api import expect

from workspace import (
    API,
    consent,
    expect_signed_in,
    expect_signed_out,
    fetch_status,
    log_in_at_salesforce,
    query_field,
    run_query,
    session_cookies,
    sign_in,
    sign_in_control,
    sign_out_button,
    start_sign_in,
    tab_to,
)


def test_two_people_work_on_two_tenants(new_context, axonify, neighbour, screenshot):
    """Each sees their own company, and each query runs as the person who asked."""
    for tenant in (axonify, neighbour):
        person = tenant.users[0]
        page = new_context().new_page()
        page.goto(f"{tenant.url}/")
        expect(page.get_by_text(tenant.company).first).to_be_visible()
        screenshot(page, f"sign-in-{tenant.company.lower()}")
        sign_in(page, tenant, person)
        me = page.evaluate("fetch('/api/me').then(answer => answer.json())")
        assert me["customer"]["companyName"] == tenant.company
        assert me["user"]["fullName"] == person.name
        run_query(page, "SELECT Id, Name FROM Account ORDER BY Name LIMIT 5")
        expect(page.get_by_role("table").get_by_role("row")).to_have_count(6)
        screenshot(page, f"workspace-{tenant.company.lower()}")


def test_second_person_of_a_tenant_signs_in(page, axonify):
    """Everybody of the tenant's own org gets in, as themselves."""
    sign_in(page, axonify, axonify.users[1])
    assert page.evaluate("fetch('/api/me').then(answer => answer.json())")["user"]["fullName"] == axonify.users[1].name


def test_session_cookie_is_host_only_and_out_of_reach(context, page, axonify):
    """One cookie, of this host alone, which scripts can't read and other sites' forms don't carry."""
    sign_in(page, axonify, axonify.users[0])
    [cookie] = session_cookies(context, axonify.url)
    assert cookie["name"] == "formation_session"
    assert cookie["domain"] == axonify.host
    assert (cookie["path"], cookie["httpOnly"], cookie["sameSite"]) == ("/", True, "Lax")
    assert page.evaluate("document.cookie") == ""


def test_one_tenants_cookie_is_worthless_at_another(context, page, axonify, neighbour):
    """It isn't sent there, and if somebody carries it over, it means nothing."""
    sign_in(page, axonify, axonify.users[0])
    assert session_cookies(context, neighbour.url) == []
    page.goto(f"{neighbour.url}/")
    expect_signed_out(page)
    [cookie] = session_cookies(context, axonify.url)
    context.add_cookies([{**cookie, "domain": neighbour.host}])
    page.goto(f"{neighbour.url}/")
    expect_signed_out(page)
    assert fetch_status(page, "/api/me") == 401
    assert fetch_status(page, f"{API}/limits") == 401
    page.goto(f"{axonify.url}/")
    expect_signed_in(page, axonify, axonify.users[0])


def test_explorer_shows_results_and_says_what_is_wrong(page, axonify, screenshot):
    """A good query becomes a table, a bad one Salesforce's own words, and the next one works again."""
    sign_in(page, axonify, axonify.users[0])
    run_query(page, "SELECT Name, Amount, StageName FROM Opportunity LIMIT 3")
    table = page.get_by_role("table")
    expect(table.get_by_role("columnheader")).to_have_text([re.compile(n) for n in ("Name", "Amount", "StageName")])
    expect(table.get_by_role("row")).to_have_count(4)
    run_query(page, "SELECT Nonsense__c FROM Account")
    expect(page.get_by_text(re.compile("INVALID_FIELD|No such column")).first).to_be_visible()
    screenshot(page, "explorer-error")
    run_query(page, "SELECT Name FROM Account LIMIT 2")
    expect(table.get_by_role("row")).to_have_count(3)


def test_query_results_are_text(page, axonify):
    """A record's name is shown as it is, even where it looks like markup."""
    sign_in(page, axonify, axonify.users[0])
    name = "<img src=x onerror=\"document.title='owned'\">"
    created = page.evaluate(
        """([path, body]) => fetch(path, {method: 'POST', headers: {'Content-Type': 'application/json'}, body})
            .then(answer => answer.status)""",
        [f"{API}/sobjects/Account", '{"Name": ' + '"' + name.replace('"', '\\"') + '"}'],
    )
    assert created == 201
    run_query(page, "SELECT Name FROM Account WHERE Name LIKE '<img%'")
    expect(page.get_by_role("table").get_by_text(name)).to_be_visible()
    assert page.title() != "owned"


def test_signing_out_leaves_nothing_behind(context, page, axonify):
    """The session is over everywhere, and the back button shows nothing private."""
    person = axonify.users[0]
    sign_in(page, axonify, person)
    answer = page.goto(f"{axonify.url}/")
    assert "no-store" in answer.headers["cache-control"]
    [cookie] = session_cookies(context, axonify.url)
    sign_out_button(page).click()
    expect_signed_out(page)
    assert session_cookies(context, axonify.url) == []
    page.go_back()
    expect(page.get_by_text(person.name)).to_have_count(0)
    expect_signed_out(page)
    context.add_cookies([cookie])
    assert fetch_status(page, "/api/me") == 401


def test_denied_consent_can_be_tried_again(page, neighbour, screenshot):
    """Who says no at Salesforce reads what happened, and gets in at the second try."""
    # Nobody else's test signs this person in: Salesforce asks for consent only once.
    person = neighbour.users[1]
    start_sign_in(page, neighbour)
    log_in_at_salesforce(page, person)
    page.get_by_role("button", name="Deny").click()
    page.wait_for_url(f"{neighbour.url}/**")
    expect(page.get_by_role("heading").first).to_be_visible()
    screenshot(page, "denied")
    again = re.compile("try again|sign in", re.IGNORECASE)
    page.get_by_role("link", name=again).or_(page.get_by_role("button", name=again)).first.click()
    username = page.get_by_label("Username")
    allow = page.get_by_role("button", name="Allow")
    expect(username.or_(allow).first).to_be_visible()
    if username.is_visible():
        log_in_at_salesforce(page, person)
    consent(page)
    expect_signed_in(page, neighbour, person)


def test_two_tabs_sign_in_at_once(context, axonify):
    """A sign-in that began before another one ended still ends well, in whatever order."""
    first, second = context.new_page(), context.new_page()
    start_sign_in(first, axonify)
    start_sign_in(second, axonify)
    for page in (second, first):
        log_in_at_salesforce(page, axonify.users[0])
        consent(page)
        expect_signed_in(page, axonify, axonify.users[0])
    second.reload()
    expect_signed_in(second, axonify, axonify.users[0])


def test_sign_in_returns_to_where_it_began(page, axonify):
    """A deep link survives the way through Salesforce; another host's address does not."""
    for wanted, reached in (("/?q=1", "/?q=1"), ("//elsewhere.localhost/", "/"), ("/\\elsewhere.localhost", "/")):
        page.context.clear_cookies()
        page.goto(f"{axonify.url}/")
        page.goto(f"{axonify.url}/auth/login?return_to={wanted.replace('?', '%3F').replace('=', '%3D')}")
        log_in_at_salesforce(page, axonify.users[0])
        consent(page)
        expect(sign_out_button(page)).to_be_visible()
        assert page.url == axonify.url + reached


def test_keyboard_is_enough(page, axonify):
    """From the first page to a query's result without a mouse."""
    person = axonify.users[0]
    page.goto(f"{axonify.url}/")
    tab_to(page, sign_in_control(page))
    page.keyboard.press("Enter")
    expect(page.get_by_label("Username")).to_be_visible()
    tab_to(page, page.get_by_label("Username"))
    page.keyboard.type(person.username)
    tab_to(page, page.get_by_label("Password"))
    page.keyboard.type(person.password)
    page.keyboard.press("Enter")
    allow = page.get_by_role("button", name="Allow")
    expect(allow.or_(sign_out_button(page)).first).to_be_visible()
    if allow.is_visible():
        tab_to(page, allow)
        page.keyboard.press("Enter")
    expect_signed_in(page, axonify, person)
    tab_to(page, query_field(page))
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("SELECT Name FROM Account LIMIT 2")
    tab_to(page, page.get_by_role("button", name="Run query"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("table").get_by_role("row")).to_have_count(3)
