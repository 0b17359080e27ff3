"""Every line for the terminal that the documents have does what they say, with the real curl."""

import html
import re

import pytest

from Support import curl, matrix
from Support.sign_in import make_key, sign_in

LINES = [line for document in curl.documents() for line in curl.lines_of(document)]
# On the page that the gateway makes of its routes.
LINE_OF_PAGE = re.compile(r"<pre><code>(curl .*?)</code></pre>", re.DOTALL)
ENTITY_TAG = re.compile(r'"[0-9a-f]{32}"')
EXAMPLE_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
COOKIE = "__Host-formation_session"


@pytest.fixture(scope="module")
def runner(certificate, tmp_path_factory):
    """Runs lines at a tenant's workspace with real curl, which trusts the test's authority."""

    def runner(tenant):
        directory = tmp_path_factory.mktemp("curl")
        curl.write_settings(directory, tenant, certificate.authority)
        return lambda command, **placeholders: curl.run(command, directory, tenant, **placeholders)

    return runner


@pytest.fixture(scope="module")
def run(runner, secure_axonify):
    """Runs a line at the seeded tenant."""
    return runner(secure_axonify)


@pytest.fixture(scope="module")
def cookie(secure_session):
    """The session's cookie, as one copies it from the browser."""
    return cookie_of(secure_session)


def cookie_of(session):
    """The value of a session's cookie."""
    return session.cookies[COOKIE]


def cases():
    """The lines of the documents, each a row of the matrix."""
    for line in LINES:
        above = "" if line.document.startswith("docs/") else "../"
        name = line.document.removeprefix("docs/")
        shown = f"A line of [{name}]({above}{name}) answers {line.status}."
        yield pytest.param(line, marks=matrix.calls("curl", line.call, shown=shown), id=f"{name} {line.call}")


@pytest.mark.parametrize("line", list(cases()))
def test_line_of_a_document(run, secure_session, secure_axonify, key, cookie, line):
    """A line of a document answers as it says there."""
    current = secure_session.get(f"{secure_axonify.url}/api/config", timeout=curl.TIMEOUT_SECONDS).headers["ETag"]
    answer = run(ENTITY_TAG.sub(current, line.command), KEY=key, COOKIE=cookie)
    assert answer.status == line.status, answer.body


@matrix.calls("curl", "--retry")
def test_curl_waits_as_it_is_told(runner, throttled_axonify, throttled_key):
    """Beyond the rate of a key, curl waits for as long as `Retry-After` says, and gets its answer."""
    run = runner(throttled_axonify)
    address = f"{throttled_axonify.url}/services/data/v60.0/limits"
    line = f'curl -H "Authorization: Bearer $KEY" {address}'
    # What is allowed at once is used up long before as many seconds have passed.
    assert 429 in (run(line, KEY=throttled_key).status for _ in range(50))
    assert run(f"{line} --retry 5", KEY=throttled_key).status == 200


def test_documents_have_lines():
    """They are found at all."""
    assert {"README.md", "docs/api.md", "docs/clients.md"} <= {line.document for line in LINES}


class Page:
    """The lines of `/api/docs`, and the API's own description of what they answer."""

    def __init__(self, session, tenant):
        def get(path):
            answer = session.get(f"{tenant.url}{path}", timeout=curl.TIMEOUT_SECONDS)
            answer.raise_for_status()
            return answer

        self.session, self.tenant = session, tenant
        self.commands = [html.unescape(found) for found in LINE_OF_PAGE.findall(get("/api/docs").text)]
        self.statuses = {
            f"{method.upper()} {path}": min(int(status) for status in operation["responses"])
            for path, item in get("/api/openapi.json").json()["paths"].items()
            for method, operation in item.items()
            if method in ("get", "post", "patch", "put", "delete")
        }

    def operation(self, command):
        """That of a line, e.g. `DELETE /api/keys/{id}`."""
        return EXAMPLE_ID.sub("{id}", curl.Line("", command, 0).call)

    def made_for(self, operation, certificate):
        """What a line needs that must be there only for it: an id for its `{id}`, or a cookie."""
        tenant, (admin, other) = self.tenant, self.tenant.users[:2]
        if operation == "DELETE /api/keys/{id}":
            return {"id": make_key(self.session, tenant, "for curl", "read")["id"]}
        if operation == "POST /auth/logout":
            return {"cookie": cookie_of(sign_in(tenant, admin, certificate.authority))}
        if "/api/sessions/{id}" in operation:
            return {"id": self.session_id(sign_in(tenant, admin, certificate.authority))}
        if "/api/users/{id}" in operation:
            return {"id": self.user_id(sign_in(tenant, other, certificate.authority))}
        return {}

    def session_id(self, session):
        """That of a session, which it has only here."""
        found = session.get(f"{self.tenant.url}/api/sessions", timeout=curl.TIMEOUT_SECONDS).json()["sessions"]
        return next(entry["id"] for entry in found if entry["current"])

    def user_id(self, session):
        """Whose session it is."""
        return session.get(f"{self.tenant.url}/api/me", timeout=curl.TIMEOUT_SECONDS).json()["user"]["id"]


@matrix.calls("curl", "/api/docs")
def test_every_line_of_the_api_page(run, secure_session, secure_axonify, certificate, key, cookie):
    """Each line of the page that the gateway makes of its own routes answers the status that is described there."""
    page = Page(secure_session, secure_axonify)
    answers = {}
    for command in page.commands:
        operation = page.operation(command)
        made = page.made_for(operation, certificate)
        command = EXAMPLE_ID.sub(made.get("id", "no id was made"), command)
        answers[operation] = run(command, KEY=key, COOKIE=made.get("cookie", cookie)).status
    assert answers == page.statuses
