"""The settings pages: each page's main task with the keyboard alone, and without a script; axe; pictures."""

import re
import urllib.error
import urllib.request

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from test_pages import RULES
from workspace import fetch_status, sign_in, sign_out_button, tab_to

PAGES = ("config", "people", "keys", "sessions", "audit", "billing")
WIDTHS = (360, 1440)
# A page of settings has more stops than any other.
STOPS = 200


def open_settings(page, tenant, name):
    """A page of the settings, by its address."""
    page.goto(f"{tenant.url}/settings/{name}")
    expect(page.get_by_role("navigation", name="Settings").locator("[aria-current=page]")).to_have_count(1)


def press(page, control):
    """Reaches a control by Tab and presses Enter on it."""
    tab_to(page, control, STOPS)
    page.keyboard.press("Enter")


def fill(page, control, text):
    """Reaches a field by Tab and types over what is in it."""
    tab_to(page, control, STOPS)
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type(text)


def card(page, text):
    """The entry of a list that holds a text."""
    return page.get_by_role("listitem").filter(has_text=text)


def violations(page):
    """What axe finds, of whatever weight."""
    found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
    return [(one["id"], one["help"], [node["html"] for node in one["nodes"]]) for one in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_page_is_accessible(new_context, axonify, screenshot, name, width, scheme):
    """axe finds nothing, nothing scrolls sideways, and the browser has nothing to complain of."""
    page = new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
    sign_in(page, axonify, axonify.users[0])
    complaints = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    open_settings(page, axonify, name)
    screenshot(page, f"settings-{name}-{width}-{scheme}")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # What is folded is looked at too.
    page.evaluate("document.querySelectorAll('details').forEach(element => element.open = true)")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert complaints == []


@pytest.mark.parametrize("width", [2560, 3840])
def test_page_keeps_its_measure(new_context, axonify, screenshot, width):
    """On the largest screens lines stay short enough to read."""
    page = new_context(viewport={"width": width, "height": 1400}).new_page()
    sign_in(page, axonify, axonify.users[0])
    open_settings(page, axonify, "config")
    screenshot(page, f"settings-config-{width}")
    assert page.locator(".settings-main").bounding_box()["width"] < 1200


def test_settings_are_found_from_the_start_page(page, axonify):
    """The way there is in the navigation, and back."""
    sign_in(page, axonify, axonify.users[0])
    press(page, page.get_by_role("link", name="Settings", exact=True))
    expect(page.get_by_role("heading", level=1)).to_have_text("Configuration")
    press(page, page.get_by_role("link", name="Workspace", exact=True))
    expect(page.get_by_role("button", name="Run query")).to_be_visible()


@pytest.mark.parametrize("script", [True, False])
def test_configuration_is_changed(new_context, axonify, screenshot, script):
    """A wrong value is shown at its field, the right one is saved, and the defaults come back."""
    page = new_context().new_page()
    sign_in(page, axonify, axonify.users[0])
    if not script:
        page = without_script(new_context, page)
    open_settings(page, axonify, "config")
    days = page.get_by_label("Stale opportunity (days)")
    fill(page, days, "soon")
    press(page, page.get_by_role("button", name="Save risk rules"))
    expect(page.get_by_role("alert")).to_contain_text("Nothing was saved")
    expect(days).to_have_value("soon")
    expect(days).to_have_attribute("aria-invalid", "true")
    screenshot(page, f"settings-config-error-{'script' if script else 'plain'}")
    assert not script or violations(page) == []
    fill(page, days, "45")
    press(page, page.get_by_role("button", name="Save risk rules"))
    expect(page.get_by_text("Your changes are saved.")).to_be_visible()
    expect(days).to_have_value("45")
    press(page, page.locator("summary", has_text="Restore the default risk rules"))
    press(page, page.get_by_role("button", name="Restore risk rules"))
    expect(page.get_by_text("The defaults are restored.")).to_be_visible()
    expect(days).to_have_value("30")


def test_lost_update_is_shown(new_context, axonify, screenshot):
    """Who saves later reads what somebody else has stored, and nothing is lost."""
    context = new_context()
    mine = context.new_page()
    sign_in(mine, axonify, axonify.users[0])
    theirs = context.new_page()
    for page in (mine, theirs):
        open_settings(page, axonify, "config")
    for page, days in ((theirs, "31"), (mine, "32")):
        page.get_by_label("Stale opportunity (days)").fill(days)
        page.get_by_role("button", name="Save risk rules").click()
    expect(mine.get_by_role("alert")).to_contain_text("Somebody else changed the configuration")
    expect(mine.get_by_text("Stored now: 31")).to_be_visible()
    expect(mine.get_by_label("Stale opportunity (days)")).to_have_value("32")
    screenshot(mine, "settings-config-conflict")
    assert violations(mine) == []
    mine.get_by_text("Restore the default risk rules").click()
    mine.get_by_role("button", name="Restore risk rules").click()
    expect(mine.get_by_text("The defaults are restored.")).to_be_visible()


def test_mappings_are_added_and_removed(page, axonify):
    """A row is written, kept while rows are added, saved, and removed again."""
    sign_in(page, axonify, axonify.users[0])
    open_settings(page, axonify, "config")
    fill(page, page.get_by_label("FormationIQ field 1"), "region")
    fill(page, page.get_by_label("Salesforce field 1"), "Region__c")
    press(page, page.get_by_role("button", name="Add more rows"))
    expect(page.get_by_label("FormationIQ field 6")).to_be_visible()
    expect(page.get_by_label("Salesforce field 1")).to_have_value("Region__c")
    press(page, page.get_by_role("button", name="Save mappings"))
    expect(page.get_by_text("Your changes are saved.")).to_be_visible()
    tab_to(page, page.get_by_label("Remove mapping 1"), STOPS)
    page.keyboard.press("Space")
    press(page, page.get_by_role("button", name="Save mappings"))
    expect(page.get_by_text("Your changes are saved.")).to_be_visible()
    expect(page.get_by_label("FormationIQ field 1")).to_have_value("")


def test_mappings_that_lead_nowhere_are_marked(page, axonify, screenshot):
    """A slip is stored and marked with what may be meant; mended, the mark is gone."""
    sign_in(page, axonify, axonify.users[0])
    open_settings(page, axonify, "config")
    fill(page, page.get_by_label("FormationIQ field 1"), "strategic")
    fill(page, page.get_by_label("Salesforce field 1"), "Stratgeic__c")
    press(page, page.get_by_role("button", name="Save mappings"))
    expect(page.get_by_text("Your changes are saved.")).to_be_visible()
    target = page.get_by_label("Salesforce field 1")
    expect(target).to_have_accessible_description(re.compile("or you may not see it. Did you mean Strategic__c"))
    expect(target).not_to_have_attribute("aria-invalid", "true")
    screenshot(page, "settings-config-warning")
    assert violations(page) == []
    fill(page, target, "Strategic__c")
    press(page, page.get_by_role("button", name="Save mappings"))
    expect(page.get_by_text("Your changes are saved.")).to_be_visible()
    expect(page.get_by_text("Did you mean")).to_have_count(0)
    tab_to(page, page.get_by_label("Remove mapping 1"), STOPS)
    page.keyboard.press("Space")
    press(page, page.get_by_role("button", name="Save mappings"))
    expect(page.get_by_text("Your changes are saved.")).to_be_visible()


def test_people_are_managed(new_context, axonify, screenshot):
    """A role is changed and changed back, and an account is disabled and enabled again."""
    person = axonify.users[1]
    other = new_context().new_page()
    sign_in(other, axonify, person)
    page = new_context().new_page()
    sign_in(page, axonify, axonify.users[0])
    open_settings(page, axonify, "people")
    role = page.get_by_label(f"Role of {person.name}")
    before = role.input_value()
    for value in ("csm", before):
        role.select_option(value)
        press(page, page.get_by_role("button", name=f"Change role of {person.name}"))
        expect(page.get_by_text("The role is changed.")).to_be_visible()
        expect(role).to_have_value(value)
    press(page, page.locator("summary", has_text=re.compile(f"Disable.*{re.escape(person.name)}")))
    press(page, page.get_by_role("button", name=f"Disable {person.name}"))
    expect(page.get_by_text("The account is disabled.", exact=False)).to_be_visible()
    screenshot(page, "settings-people-disabled")
    assert fetch_status(other, "/api/me") == 403
    press(page, page.get_by_role("button", name=f"Enable {person.name}"))
    expect(page.get_by_text("The account is enabled again.")).to_be_visible()
    assert fetch_status(other, "/api/me") == 200


def test_a_key_is_made_copied_and_revoked(new_context, axonify, screenshot):
    """The key is shown once, the button copies it, and after it is revoked it opens nothing."""
    context = new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    sign_in(page, axonify, axonify.users[0])
    open_settings(page, axonify, "keys")
    fill(page, page.get_by_label("Name", exact=True), "Browser test")
    press(page, page.get_by_role("button", name="Make key"))
    field = page.get_by_label(re.compile("Key .Browser test."))
    key = field.input_value()
    assert re.fullmatch(r"00D\w{12}!fiq\.\w{43}", key)
    assert violations(page) == []
    press(page, page.get_by_role("button", name="Copy key"))
    expect(page.get_by_text("Copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == key
    # Not with the key in it.
    field.evaluate("element => element.value = 'a key of 63 characters'")
    screenshot(page, "settings-keys-made")
    assert key_status(axonify, key) == 200
    open_settings(page, axonify, "keys")
    assert key not in page.content()
    entry = card(page, "Browser test")
    press(page, entry.locator("summary"))
    press(page, entry.get_by_role("button", name="Revoke Browser test"))
    expect(page.get_by_text("The access key is revoked.")).to_be_visible()
    expect(card(page, "Browser test")).to_have_count(0)
    assert key_status(axonify, key) == 401


def test_a_key_is_made_without_script(new_context, axonify):
    """The key can be selected where nothing can copy it."""
    page = new_context().new_page()
    sign_in(page, axonify, axonify.users[0])
    plain = without_script(new_context, page)
    open_settings(plain, axonify, "keys")
    fill(plain, plain.get_by_label("Name", exact=True), "Plain")
    press(plain, plain.get_by_role("button", name="Make key"))
    expect(plain.get_by_label(re.compile("Key .Plain."))).to_have_value(re.compile(r"^00D\w{12}!fiq\."))
    expect(plain.get_by_role("button", name="Copy key")).to_have_count(0)
    entry = card(plain, "Plain")
    press(plain, entry.locator("summary"))
    press(plain, entry.get_by_role("button", name="Revoke Plain"))
    expect(plain.get_by_text("The access key is revoked.")).to_be_visible()


def test_another_browser_is_signed_out(new_context, axonify):
    """This browser is told from the other one, which is signed out from here."""
    # A person whom no other test signs in at the same time.
    person = axonify.users[1]
    here, there = new_context().new_page(), new_context().new_page()
    sign_in(there, axonify, person)
    sign_in(here, axonify, person)
    open_settings(here, axonify, "sessions")
    expect(here.get_by_text("This browser")).to_have_count(1)
    press(here, here.get_by_role("button", name=re.compile("Sign out there")).first)
    expect(here.get_by_text("That browser is signed out.")).to_be_visible()
    assert fetch_status(there, "/api/me") == 401
    assert fetch_status(here, "/api/me") == 200
    press(here, here.get_by_role("button", name="Sign out everywhere"))
    expect(here.get_by_role("link", name="Sign in with Salesforce")).to_be_visible()
    expect(sign_out_button(here)).to_have_count(0)


def test_audit_log_and_billing_are_read(page, axonify):
    """What happened is told in words, and what the plan is."""
    sign_in(page, axonify, axonify.users[0])
    open_settings(page, axonify, "audit")
    expect(page.get_by_role("heading", name="Signed in", exact=True).first).to_be_visible()
    open_settings(page, axonify, "billing")
    expect(page.get_by_text("ask your vendor")).to_be_visible()


def test_others_see_what_concerns_them(page, axonify):
    """Who is no admin reads the configuration and is not offered the rest."""
    sign_in(page, axonify, axonify.users[1])
    open_settings(page, axonify, "config")
    expect(page.get_by_role("button", name="Save risk rules")).to_have_count(0)
    expect(page.get_by_role("link", name="Audit log")).to_have_count(0)
    assert violations(page) == []
    page.goto(f"{axonify.url}/settings/people")
    expect(page.get_by_text("Only an admin of this workspace may do that.")).to_be_visible()


def test_form_after_signing_out_says_so(new_context, axonify):
    """A form that comes too late changes nothing, and says how to go on."""
    context = new_context()
    page = context.new_page()
    sign_in(page, axonify, axonify.users[0])
    open_settings(page, axonify, "keys")
    page.get_by_label("Name", exact=True).fill("Too late")
    context.clear_cookies()
    page.get_by_role("button", name="Make key").click()
    expect(page.get_by_role("alert")).to_contain_text("You are no longer signed in")
    expect(page.get_by_role("link", name="Sign in with Salesforce")).to_have_attribute(
        "href", "/auth/login?return_to=/settings/keys"
    )


def without_script(new_context, page):
    """The same person in a browser that runs no script."""
    context = new_context(java_script_enabled=False)
    context.add_cookies(page.context.cookies())
    return context.new_page()


def key_status(tenant, key):
    """What a script with this key is answered."""
    request = urllib.request.Request(f"{tenant.url}/api/me", headers={"Authorization": f"Bearer {key}"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
