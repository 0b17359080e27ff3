"""What pages of other origins can make a signed-in browser do at Salesforce: nothing."""

import pytest
from workspace import API, fetch_status, sign_in

ATTACKS = {
    "form POST": (
        f"{API}/sobjects/Account",
        """url => {
            const form = document.createElement('form');
            Object.assign(form, {method: 'POST', action: url, enctype: 'text/plain'});
            form.append(Object.assign(document.createElement('input'), {name: '{"Name":"', value: '"}'}));
            document.body.append(form);
            form.submit();
        }""",
    ),
    "fetch POST": (
        f"{API}/sobjects/Account",
        """url => { fetch(url, {method: 'POST', mode: 'no-cors', credentials: 'include', body: '{"Name":"x"}'})
            .catch(() => null); }""",
    ),
    "fetch GET": (
        f"{API}/query?q=SELECT+Id+FROM+Account",
        "url => { fetch(url, {mode: 'no-cors', credentials: 'include'}).catch(() => null); }",
    ),
    "fetch with CORS": (
        f"{API}/limits",
        "url => { fetch(url, {credentials: 'include'}).catch(() => null); }",
    ),
    "image": (
        f"{API}/tooling/executeAnonymous?anonymousBody=System.debug(1)%3B",
        "url => { document.body.append(Object.assign(new Image(), {src: url})); }",
    ),
    "script": (
        f"{API}/limits",
        "url => { document.body.append(Object.assign(document.createElement('script'), {src: url})); }",
    ),
    "frame": (
        "/services/apexrest/DoSomething",
        "url => { document.body.append(Object.assign(document.createElement('iframe'), {src: url})); }",
    ),
    "link": (
        f"{API}/tooling/executeAnonymous?anonymousBody=System.debug(2)%3B",
        """url => {
            const link = Object.assign(document.createElement('a'), {href: url, textContent: 'a link'});
            document.body.append(link);
            link.click();
        }""",
    ),
    "link to a record": (
        f"{API}/sobjects/Account",
        """url => {
            const link = Object.assign(document.createElement('a'), {href: url, textContent: 'a link'});
            document.body.append(link);
            link.click();
        }""",
    ),
    "form that logs out": (
        "/auth/logout",
        """url => {
            const form = Object.assign(document.createElement('form'), {method: 'POST', action: url});
            document.body.append(form);
            form.submit();
        }""",
    ),
    "form that changes settings": (
        "/settings/config",
        """url => {
            const form = Object.assign(document.createElement('form'), {method: 'POST', action: url});
            for (const [name, value] of [['section', 'riskRules'], ['action', 'restore'], ['tag', '*']])
                form.append(Object.assign(document.createElement('input'), {name, value}));
            document.body.append(form);
            form.submit();
        }""",
    ),
    "form that makes a key": (
        "/settings/keys",
        """url => {
            const form = Object.assign(document.createElement('form'), {method: 'POST', action: url});
            for (const [name, value] of [['name', 'tossed'], ['scope', 'full'], ['days', '90'], ['action', 'create']])
                form.append(Object.assign(document.createElement('input'), {name, value}));
            document.body.append(form);
            form.submit();
        }""",
    ),
    "fetch that makes a key": (
        "/api/keys",
        """url => { fetch(url, {method: 'POST', mode: 'no-cors', credentials: 'include', body: '{"name":"tossed"}'})
            .catch(() => null); }""",
    ),
}
# The browser itself keeps these answers from the page, and from the test.
WITHHELD = {"fetch with CORS", "fetch that makes a key", "image", "script"}


@pytest.fixture(scope="module")
def signed_in(browser, axonify):
    """A browser that is signed in at Axonify, for all attacks."""
    # A stranger's page has no policy that stands in its way, so ours is set aside.
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    sign_in(page, axonify, axonify.users[0])
    yield context
    context.close()


@pytest.fixture
def origins(neighbour, stranger):
    """Pages in a stranger's hands: of another tenant, which is of the same site, and of another site."""
    return {"sibling tenant": f"{neighbour.url}/", "foreign site": f"{stranger}/"}


def calls_at_salesforce(entries):
    """What reached an org's API."""
    return [entry for entry in entries if entry.target.startswith("/services/") and "/oauth2/" not in entry.target]


def test_own_page_reaches_salesforce(demo, signed_in, axonify):
    """The same call from the workspace's own page arrives: what follows would notice if it did."""
    page = signed_in.new_page()
    page.goto(f"{axonify.url}/")
    before = demo.journal_end()
    assert fetch_status(page, f"{API}/limits") == 200
    assert [entry.target for entry in calls_at_salesforce(demo.journal_after(before))] == [f"{API}/limits"]
    page.close()


@pytest.mark.parametrize("origin", ["sibling tenant", "foreign site"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_stranger_runs_nothing(demo, signed_in, origins, axonify, attack, origin):
    """The request is sent, is refused, and Salesforce never hears of it."""
    path, script = ATTACKS[attack]
    page = signed_in.new_page()
    page.goto(origins[origin])
    before = demo.journal_end()
    with page.expect_event("request", lambda request: request.url.startswith(axonify.url + path)) as sent:
        page.evaluate(script, axonify.url + path)
    answer = sent.value.response()
    if attack not in WITHHELD:
        assert answer is not None and answer.status in (401, 403), answer
    assert calls_at_salesforce(demo.journal_after(before)) == []
    # In a tab of its own: the attack may still be navigating this one.
    own = signed_in.new_page()
    own.goto(f"{axonify.url}/")
    assert fetch_status(own, "/api/me") == 200, "the session goes on"
    assert own.evaluate("fetch('/api/keys').then((answer) => answer.json())") == {"keys": []}
    own.close()
    page.close()


@pytest.mark.parametrize("origin", ["sibling tenant", "foreign site"])
def test_stranger_frames_nothing(signed_in, origins, axonify, origin):
    """No page of the workspace is shown inside another's, where a click could be stolen."""
    page = signed_in.new_page()
    page.goto(origins[origin])
    for path in ("/", "/settings/people"):
        with page.expect_response(f"{axonify.url}{path}") as framed:
            page.evaluate(
                "url => { document.body.append(Object.assign(document.createElement('iframe'), {src: url})); }",
                axonify.url + path,
            )
        assert "frame-ancestors 'none'" in framed.value.headers["content-security-policy"]
    assert [frame.name for frame in page.frames if frame.url.startswith(axonify.url)] == []
    page.close()


def test_tossed_cookie_is_ignored(new_context, axonify, neighbour):
    """A neighbour plants the cookie of a session of their own for all workspaces, for every path: nothing changes."""
    attacker = new_context().new_page()
    sign_in(attacker, neighbour, neighbour.users[0])
    [planted] = [cookie for cookie in attacker.context.cookies() if cookie["name"] == "formation_session"]
    context = new_context(bypass_csp=True)
    page = context.new_page()
    sign_in(page, axonify, axonify.users[0])
    sibling = context.new_page()
    sibling.goto(f"{neighbour.url}/")
    for path in ("/", "/api", "/services/data", "/settings"):
        sibling.evaluate("text => { document.cookie = text; }", f"{planted['name']}={planted['value']}"
                         f"; domain={neighbour.host.split('.', 1)[1]}; path={path}")
    sent = [cookie for cookie in context.cookies(f"{axonify.url}/api/me") if cookie["name"] == planted["name"]]
    assert len(sent) == 3, "the browser takes them, and sends them along with the own one"
    page.reload()
    me = page.evaluate("fetch('/api/me').then((answer) => answer.json())")
    assert me["user"]["fullName"] == axonify.users[0].name
    assert fetch_status(page, f"{API}/limits") == 200
