"""A client library that knows nothing of the gateway works through it, with an access key for a session id."""

import re

import pytest
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceExpiredSession, SalesforceRefusedRequest

from Support.sign_in import end_key, make_key, sign_in

TIMEOUT_SECONDS = 20
# What tools that check the shape of a session id go by.
SESSION_ID = re.compile(r"^00D\w{12,15}![.\w]*$")


class PlainHTTP(HTTPAdapter):
    """The library knows https only; the demo speaks http."""

    def send(self, request, *arguments, **options):
        request.url = request.url.replace("https://", "http://", 1)
        return super().send(request, *arguments, **options)


def connect(tenant, key):
    """The library, pointed at the tenant's workspace instead of at Salesforce."""
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", PlainHTTP())
    return Salesforce(instance_url=tenant.url, session_id=key, session=session)


@pytest.fixture(scope="module")
def person(axonify):
    """The admin of the seeded tenant."""
    return axonify.users[0]


@pytest.fixture(scope="module")
def session(axonify, person):
    """Their browser's session, without a browser."""
    return sign_in(axonify, person)


@pytest.fixture(scope="module")
def key(session, axonify):
    """A key that may do everything."""
    return make_key(session, axonify, "nightly export", "full")["key"]


@pytest.fixture(scope="module")
def salesforce(axonify, key):
    """The library with that key."""
    return connect(axonify, key)


def error_codes(failure):
    """The error codes in Salesforce's own shape."""
    return [error["errorCode"] for error in failure.value.content]


def test_key_looks_like_a_session_id(key):
    """So that tools which check the shape take it."""
    assert SESSION_ID.match(key)


def test_query(salesforce):
    """A query answers with records in the library's own form."""
    found = salesforce.query("SELECT Id, Name FROM Account ORDER BY Name LIMIT 3")
    assert found["totalSize"] == len(found["records"]) == 3
    assert all(record["Id"].startswith("001") and record["Name"] for record in found["records"])


def test_query_all_follows_the_pages(salesforce):
    """More records than one page holds: every one comes, once."""
    expected = salesforce.query("SELECT COUNT() FROM Contact")["totalSize"]
    assert expected > 2000
    records = salesforce.query_all("SELECT Id FROM Contact")["records"]
    assert len({record["Id"] for record in records}) == len(records) == expected


def test_describe(salesforce):
    """The org's objects and an object's fields."""
    assert {"Account", "Contact", "Opportunity"} <= {found["name"] for found in salesforce.describe()["sobjects"]}
    assert "Name" in {found["name"] for found in salesforce.Account.describe()["fields"]}


def test_records_are_written_as_that_person(salesforce, person):
    """Create, read, update, upsert, delete; Salesforce has the person as their author."""
    created = salesforce.Account.create({"Name": "Written through the gateway"})
    assert created["success"]
    account = created["id"]
    assert salesforce.Account.get(account)["Name"] == "Written through the gateway"
    [written] = salesforce.query(f"SELECT CreatedBy.Username FROM Account WHERE Id = '{account}'")["records"]
    assert written["CreatedBy"]["Username"] == person.username
    assert salesforce.Account.update(account, {"Name": "Renamed"}) == 204
    assert salesforce.Account.get(account)["Name"] == "Renamed"
    assert salesforce.Account.delete(account) == 204
    assert salesforce.query(f"SELECT Id FROM Account WHERE Id = '{account}'")["totalSize"] == 0


def test_upsert(salesforce):
    """The first time creates, the second updates."""
    path = "External_Id__c/GATEWAY-1"
    assert salesforce.Account.upsert(path, {"Name": "Upserted"}) == 201
    assert salesforce.Account.upsert(path, {"Name": "Upserted again"}) in (200, 204)
    found = salesforce.query("SELECT Id, Name FROM Account WHERE External_Id__c = 'GATEWAY-1'")["records"]
    assert [record["Name"] for record in found] == ["Upserted again"]
    salesforce.Account.delete(found[0]["Id"])


def test_limits_and_usage(salesforce):
    """The org's limits, and the usage that every answer carries."""
    assert salesforce.limits()["DailyApiRequests"]["Max"] > 0
    salesforce.query("SELECT Id FROM Account LIMIT 1")
    assert salesforce.api_usage["api-usage"].used > 0


def test_restful_path(salesforce):
    """Any path below /services/data."""
    assert salesforce.restful("sobjects/Account/describe")["name"] == "Account"


def test_userinfo_is_the_persons(axonify, key, person):
    """Whose key it is, as Salesforce says."""
    answer = requests.get(
        f"{axonify.url}/services/oauth2/userinfo",
        headers={"Authorization": f"Bearer {key}"},
        timeout=TIMEOUT_SECONDS,
    )
    assert answer.json()["preferred_username"] == person.username


@pytest.mark.parametrize("scheme", ["Bearer {}", "OAuth {}", "bearer {}"])
def test_authorization_schemes(axonify, key, scheme):
    """Both of Salesforce's schemes, in any case."""
    answer = requests.get(
        f"{axonify.url}/services/data/v60.0/limits",
        headers={"Authorization": scheme.format(key)},
        timeout=TIMEOUT_SECONDS,
    )
    assert answer.status_code == 200, answer.text


def test_read_only_key_refuses_writes(session, axonify):
    """It reads, and that is all."""
    salesforce = connect(axonify, make_key(session, axonify, "dashboard", "read")["key"])
    assert salesforce.query("SELECT Id FROM Account LIMIT 1")["totalSize"] == 1
    for write in (
        lambda: salesforce.Account.create({"Name": "x"}),
        lambda: salesforce.restful("tooling/executeAnonymous", {"anonymousBody": "System.debug(1);"}),
        lambda: salesforce.apexecute("DoSomething"),
    ):
        with pytest.raises(SalesforceRefusedRequest) as refused:
            write()
        assert error_codes(refused) == ["KEY_SCOPE"]


def test_ended_key_is_worthless(session, axonify):
    """As Salesforce answers an ended session, so that clients understand."""
    made = make_key(session, axonify, "left on a bus", "full")
    salesforce = connect(axonify, made["key"])
    assert salesforce.query("SELECT Id FROM Account LIMIT 1")["totalSize"] == 1
    end_key(session, axonify, made["id"])
    with pytest.raises(SalesforceExpiredSession) as expired:
        salesforce.query("SELECT Id FROM Account LIMIT 1")
    assert error_codes(expired) == ["INVALID_SESSION_ID"]


def test_key_of_one_tenant_is_worthless_at_another(neighbour, key):
    """There it is no key at all."""
    with pytest.raises(SalesforceExpiredSession):
        connect(neighbour, key).query("SELECT Id FROM Account LIMIT 1")


def test_wrong_credential_never_falls_back_to_the_cookie(session, axonify):
    """Who sends a credential is judged by it alone, whatever cookie comes along."""
    answer = session.get(
        f"{axonify.url}/services/data/v60.0/limits",
        headers={"Authorization": "Bearer junk", "Sec-Fetch-Site": "same-origin"},
        timeout=TIMEOUT_SECONDS,
    )
    assert answer.status_code == 401
    assert answer.json()[0]["errorCode"] == "INVALID_SESSION_ID"


def test_keys_do_not_manage_keys(axonify, key):
    """A key that leaks makes no further keys."""
    answer = requests.post(
        f"{axonify.url}/api/keys",
        json={"name": "another", "scope": "full"},
        headers={"Authorization": f"Bearer {key}"},
        timeout=TIMEOUT_SECONDS,
    )
    assert answer.status_code in (401, 403)


def test_salesforce_never_sees_the_key(demo, session, axonify, salesforce, key):
    """Nor the cookie: it gets the person's own access token, and the log has none of the three."""
    before = demo.journal_end()
    salesforce.query("SELECT Id FROM Account LIMIT 1")
    [call] = [entry for entry in demo.journal_after(before) if "/query" in entry.target]
    token = call.headers["authorization"].removeprefix("Bearer ")
    assert SESSION_ID.match(token) and token != key
    assert "cookie" not in call.headers
    cookies = [cookie.value for cookie in session.cookies if axonify.host in cookie.domain]
    secrets = [key, key.split("fiq.")[1], token, *cookies]
    seen = "\n".join(f"{entry.target} {entry.headers} {entry.body}" for entry in demo.journal())
    log = demo.log.read_text()
    for secret in secrets:
        assert secret not in log
        assert secret == token or secret not in seen
