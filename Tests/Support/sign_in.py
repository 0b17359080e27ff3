"""Signing in without a browser: the forms on the way, filled in and sent."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import requests

TIMEOUT_SECONDS = 20


@dataclass
class _Form:
    action: str
    method: str
    fields: dict = field(default_factory=dict)
    text_field: str = ""
    password_field: str = ""
    buttons: dict = field(default_factory=dict)


class _FormReader(HTMLParser):
    """Collects a page's forms with their fields and submit buttons."""

    def __init__(self):
        super().__init__()
        self.forms = []
        self._button = None

    def handle_starttag(self, tag, attributes):
        given = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.forms.append(_Form(given.get("action", ""), given.get("method", "get").lower()))
        if not self.forms:
            return
        form, name, kind = self.forms[-1], given.get("name", ""), given.get("type", "")
        if tag == "button":
            self._button = (name, given.get("value", ""))
        elif tag == "input" and kind == "submit":
            form.buttons[given.get("value", "")] = (name, given.get("value", ""))
        elif tag == "input" and name and (kind not in ("checkbox", "radio") or "checked" in given):
            form.fields[name] = given.get("value", "")
            if kind == "password":
                form.password_field = name
            elif kind in ("", "text", "email"):
                form.text_field = name

    def handle_data(self, data):
        if self._button and data.strip() and self.forms:
            self.forms[-1].buttons[data.strip()] = self._button
            self._button = None


def _submit(session, page, button, **values):
    """Presses a button of the page's form that has it."""
    reader = _FormReader()
    reader.feed(page.text)
    form = next(form for form in reader.forms if button in form.buttons)
    data = dict(form.fields)
    for kind, value in values.items():
        data[getattr(form, f"{kind}_field")] = value
    name, value = form.buttons[button]
    if name:
        data[name] = value
    body = {"params": data} if form.method == "get" else {"data": data}
    return session.request(form.method, urljoin(page.url, form.action), timeout=TIMEOUT_SECONDS, **body)


def sign_in(tenant, person, authority=None):
    """A session of the person's at the tenant, with its cookie; over https, by whom the certificate is signed."""
    session = requests.Session()
    session.trust_env = False
    session.verify = str(authority) if authority else True
    page = session.get(f"{tenant.url}/auth/login", timeout=TIMEOUT_SECONDS)
    page = _submit(session, page, "Log In", text=person.username, password=person.password)
    if not page.url.startswith(tenant.url):
        page = _submit(session, page, "Allow")
    page.raise_for_status()
    assert page.url.startswith(tenant.url), page.url
    return session


def make_key(session, tenant, name, scope):
    """A new access key of the person who is signed in; its description, with the key."""
    answer = session.post(
        f"{tenant.url}/api/keys",
        json={"name": name, "scope": scope},
        headers={"Origin": tenant.url, "Sec-Fetch-Site": "same-origin"},
        timeout=TIMEOUT_SECONDS,
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


def end_key(session, tenant, key_id):
    """Ends an access key."""
    answer = session.delete(
        f"{tenant.url}/api/keys/{key_id}",
        headers={"Origin": tenant.url, "Sec-Fetch-Site": "same-origin"},
        timeout=TIMEOUT_SECONDS,
    )
    assert answer.status_code in (200, 204), answer.text
