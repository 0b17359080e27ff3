"""A client library that knows nothing of the gateway works through it, with an access key for a session id."""

import csv
import re

import pytest
import requests
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import (
    SalesforceExpiredSession,
    SalesforceGeneralError,
    SalesforceMalformedRequest,
    SalesforceRefusedRequest,
    SalesforceResourceNotFound,
)

from Support import matrix
from Support.sign_in import end_key, make_key

TIMEOUT_SECONDS = 20
# The library sleeps so long before it looks at a job again.
WAIT_SECONDS = 0.01
# What tools that check the shape of a session id go by.
SESSION_ID = re.compile(r"^00D\w{12,15}![.\w]*$")
LIBRARY = matrix.library("simple-salesforce")


def calls(*names):
    """The calls of this library that a test makes."""
    return matrix.calls(LIBRARY, *names)


@pytest.fixture(scope="module")
def connect(certificate):
    """The library, pointed at a tenant's workspace instead of at Salesforce."""

    def connect(tenant, key):
        session = requests.Session()
        session.trust_env = False
        session.verify = str(certificate.authority)
        return Salesforce(instance_url=tenant.url, session_id=key, session=session)

    return connect


@pytest.fixture(scope="module")
def salesforce(connect, secure_axonify, key):
    """The library with a key that may do everything."""
    return connect(secure_axonify, key)


@pytest.fixture(scope="module")
def browserless(certificate):
    """Calls by hand."""
    session = requests.Session()
    session.trust_env = False
    session.verify = str(certificate.authority)
    return session


@pytest.fixture
def account(salesforce):
    """A record that is there for one test."""
    created = salesforce.Account.create({"Name": "Made for a test", "External_Id__c": "TEST-1"})["id"]
    yield created
    if salesforce.query(f"SELECT Id FROM Account WHERE Id = '{created}'")["totalSize"]:
        salesforce.Account.delete(created)


def error_codes(failure):
    """The error codes in Salesforce's own shape."""
    return [error["errorCode"] for error in failure.value.content]


def rows_of(pages):
    """The records in pages of CSV."""
    return [row for page in pages for row in csv.DictReader(page.splitlines())]


def named(salesforce, name):
    """The ids of the accounts of a name."""
    found = salesforce.query_all(f"SELECT Id FROM Account WHERE Name = '{name}'")
    return sorted(record["Id"] for record in found["records"])


def test_key_looks_like_a_session_id(key):
    """So that tools which check the shape take it."""
    assert SESSION_ID.match(key)


# What a program reads.


@calls("query")
def test_query(salesforce):
    """A query's records come in the library's own form."""
    found = salesforce.query("SELECT Id, Name FROM Account ORDER BY Name LIMIT 3")
    assert found["totalSize"] == len(found["records"]) == 3
    assert all(record["Id"].startswith("001") and record["Name"] for record in found["records"])


@calls("query_all", "query_all_iter", "query_more")
def test_query_all_follows_the_pages(salesforce):
    """Of more records than a page holds every one comes, once."""
    expected = salesforce.query("SELECT COUNT() FROM Contact")["totalSize"]
    assert expected > 2000
    for records in (
        salesforce.query_all("SELECT Id FROM Contact")["records"],
        list(salesforce.query_all_iter("SELECT Id FROM Contact")),
    ):
        assert len({record["Id"] for record in records}) == len(records) == expected
    first = salesforce.query("SELECT Id FROM Contact")
    second = salesforce.query_more(first["nextRecordsUrl"], identifier_is_url=True)
    assert first["records"][0] != second["records"][0]


@calls("query(include_deleted=True)")
def test_deleted_records(salesforce, account):
    """Records in the recycle bin are found, and only when asked for."""
    salesforce.Account.delete(account)
    soql = f"SELECT Id, IsDeleted FROM Account WHERE Id = '{account}'"
    assert salesforce.query(soql)["totalSize"] == 0
    assert [record["IsDeleted"] for record in salesforce.query(soql, include_deleted=True)["records"]] == [True]


@calls("search", "quick_search")
def test_search(salesforce):
    """SOSL finds records by their text."""
    found = salesforce.search("FIND {Northwind} IN ALL FIELDS RETURNING Account(Id, Name)")["searchRecords"]
    assert found and all("Northwind" in record["Name"] for record in found)
    assert salesforce.quick_search("Northwind")["searchRecords"]


@calls("describe", "Account.describe", "Account.metadata")
def test_describe(salesforce):
    """The org's objects are described, and an object's fields."""
    assert {"Account", "Contact", "Opportunity"} <= {found["name"] for found in salesforce.describe()["sobjects"]}
    assert "Name" in {found["name"] for found in salesforce.Account.describe()["fields"]}
    assert salesforce.Account.metadata()["objectDescribe"]["name"] == "Account"


@calls("limits", "api_usage")
def test_limits_and_usage(salesforce):
    """The org's limits come, and with every answer what is used of them."""
    assert salesforce.limits()["DailyApiRequests"]["Max"] > 0
    salesforce.query("SELECT Id FROM Account LIMIT 1")
    assert salesforce.api_usage["api-usage"].used > 0


@calls("oauth2('userinfo')")
def test_userinfo_is_the_persons(salesforce, person, secure_axonify):
    """Salesforce says whose key it is; the addresses in its answer are the org's own."""
    info = salesforce.oauth2("userinfo")
    assert info["preferred_username"] == person.username
    assert secure_axonify.host not in str(info["urls"])


@calls("restful")
def test_restful_path(salesforce):
    """Any path below `/services/data/` can be asked for."""
    assert salesforce.restful("sobjects/Account/describe")["name"] == "Account"


@calls("is_sandbox")
def test_kind_of_org(salesforce):
    """The org says itself whether it is a sandbox."""
    assert salesforce.is_sandbox() is True


# What it writes.


@calls("Account.create", "Account.get", "Account.update", "Account.delete")
def test_records_are_written_as_that_person(salesforce, person):
    """Records are made, read, changed and deleted; Salesforce has the key's owner as their author."""
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


@calls("Account.upsert", "Account.get_by_custom_id")
def test_upsert(salesforce):
    """By an external id the first upsert creates, the second updates."""
    path = "External_Id__c/GATEWAY-1"
    assert salesforce.Account.upsert(path, {"Name": "Upserted"}) == 201
    assert salesforce.Account.upsert(path, {"Name": "Upserted again"}) in (200, 204)
    found = salesforce.Account.get_by_custom_id("External_Id__c", "GATEWAY-1")
    assert found["Name"] == "Upserted again"
    salesforce.Account.delete(found["Id"])


@calls("apexecute", "toolingexecute")
def test_code_of_the_org(salesforce, person):
    """Apex REST and the Tooling API are called as the key's owner."""
    answer = salesforce.apexecute("Accounts/close", method="POST", data={"reason": "test"})
    assert (answer["method"], answer["username"]) == ("POST", person.username)
    assert answer["body"] == '{"reason": "test"}'
    ran = salesforce.toolingexecute("executeAnonymous", params={"anonymousBody": "System.debug(1);"})
    assert ran["success"] is True


def test_errors_are_salesforces(salesforce):
    """Salesforce's own errors come as the library's exceptions."""
    with pytest.raises(SalesforceMalformedRequest) as malformed:
        salesforce.query("SELECT Nope FROM Account")
    assert error_codes(malformed) == ["INVALID_FIELD"]
    with pytest.raises(SalesforceResourceNotFound) as missing:
        salesforce.Account.get("001000000000000AAA")
    assert error_codes(missing) == ["NOT_FOUND"]


# Bulk API 1.


@calls("bulk.Account.insert", "bulk.Account.update", "bulk.Account.delete")
def test_bulk_writes(salesforce):
    """Bulk API 1 writes in batches, and says of each record what came of it."""
    made = salesforce.bulk.Account.insert([{"Name": f"Bulk {number}"} for number in range(5)] + [{}], batch_size=2)
    assert [result["success"] for result in made] == [True] * 5 + [False]
    assert made[-1]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    ids = sorted(result["id"] for result in made if result["success"])
    changed = salesforce.bulk.Account.update([{"Id": made_id, "Name": "Bulk changed"} for made_id in ids])
    assert all(result["success"] and not result["created"] for result in changed)
    assert named(salesforce, "Bulk changed") == ids
    gone = salesforce.bulk.Account.delete([{"Id": made_id} for made_id in ids])
    assert all(result["success"] for result in gone)
    assert named(salesforce, "Bulk changed") == []


@calls("bulk.Account.upsert", "bulk.Account.hard_delete")
def test_bulk_upsert(salesforce, account):
    """Bulk API 1 upserts by an external id, and deletes for good."""
    records = [{"External_Id__c": key, "Name": "Bulk upserted"} for key in ("TEST-1", "TEST-2")]
    results = salesforce.bulk.Account.upsert(records, "External_Id__c")
    assert [result["created"] for result in results] == [False, True]
    assert results[0]["id"] == account
    salesforce.bulk.Account.hard_delete([{"Id": results[1]["id"]}])
    soql = f"SELECT Id FROM Account WHERE Id = '{results[1]['id']}'"
    assert salesforce.query(soql, include_deleted=True)["totalSize"] == 0


@calls("bulk.Account.query", "bulk.Account.query_all")
def test_bulk_query(salesforce):
    """Bulk API 1 queries what REST does; a wrong query is the library's exception."""
    expected = salesforce.query("SELECT COUNT() FROM Account")["totalSize"]
    found = salesforce.bulk.Account.query("SELECT Id, Name FROM Account", wait=WAIT_SECONDS)
    assert len({record["Id"] for record in found}) == expected
    assert len(salesforce.bulk.Account.query_all("SELECT Id FROM Account", wait=WAIT_SECONDS)) >= expected
    with pytest.raises(SalesforceGeneralError, match="INVALID_FIELD"):
        salesforce.bulk.Account.query("SELECT Nope FROM Account", wait=WAIT_SECONDS)


# Bulk API 2.0.


@calls("bulk2.Account.insert", "bulk2.Account.get_successful_records", "bulk2.Account.get_failed_records")
def test_bulk2_insert(salesforce):
    """Bulk API 2.0 takes records as CSV, and tells those that were written from those that were not."""
    bulk = salesforce.bulk2.Account
    records = [{"Name": f"Ingested {number}", "Industry": "Energy"} for number in range(4)]
    [job] = bulk.insert(records=[*records, {"Name": "", "Industry": "Retail"}], wait=WAIT_SECONDS)
    assert (job["numberRecordsTotal"], job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (5, 5, 1)
    written = rows_of([bulk.get_successful_records(job["job_id"])])
    assert [row["Name"] for row in written] == [record["Name"] for record in records]
    assert all(row["sf__Created"] == "true" for row in written)
    [failed] = rows_of([bulk.get_failed_records(job["job_id"])])
    assert failed["Industry"] == "Retail" and failed["sf__Error"].startswith("REQUIRED_FIELD_MISSING")
    assert bulk.get_all_ingest_records(job["job_id"])["unprocessedRecords"] == []
    bulk.delete(records=[{"Id": row["sf__Id"]} for row in written], wait=WAIT_SECONDS)


@calls("bulk2.Account.update", "bulk2.Account.upsert", "bulk2.Account.delete", "bulk2.Account.hard_delete")
def test_bulk2_changes(salesforce, account):
    """Bulk API 2.0 changes, upserts and deletes, with other separators too."""
    bulk = salesforce.bulk2.Account
    bulk.update(records=[{"Id": account, "Name": "Changed"}], wait=WAIT_SECONDS)
    assert named(salesforce, "Changed") == [account]
    records = [{"External_Id__c": key, "Name": "Upserted, in bulk"} for key in ("TEST-1", "TEST-3")]
    [job] = bulk.upsert(
        records=records,
        external_id_field="External_Id__c",
        column_delimiter="SEMICOLON",
        line_ending="CRLF",
        wait=WAIT_SECONDS,
    )
    assert job["numberRecordsFailed"] == 0
    [new] = [found for found in named(salesforce, "Upserted, in bulk") if found != account]
    bulk.delete(records=[{"Id": account}], wait=WAIT_SECONDS)
    bulk.hard_delete(records=[{"Id": new}], wait=WAIT_SECONDS)
    assert named(salesforce, "Upserted, in bulk") == []
    soql = "SELECT Id FROM Account WHERE Name = 'Upserted, in bulk'"
    assert [found["Id"] for found in salesforce.query(soql, include_deleted=True)["records"]] == [account]


@calls("bulk2.Account.query", "bulk2.Account.query_all", "bulk2.Account.download")
def test_bulk2_query(salesforce, tmp_path):
    """Bulk API 2.0 answers a query in pages of CSV, by locators."""
    expected = salesforce.query("SELECT COUNT() FROM Contact")["totalSize"]
    bulk = salesforce.bulk2.Contact
    pages = list(bulk.query("SELECT Id, Name FROM Contact", max_records=1000, wait=WAIT_SECONDS))
    assert len(pages) == -(-expected // 1000)
    assert len({row["Id"] for row in rows_of(pages)}) == expected
    assert len(rows_of(bulk.query_all("SELECT Id FROM Contact", wait=WAIT_SECONDS))) >= expected
    files = bulk.download("SELECT Id FROM Contact", path=str(tmp_path), max_records=1000, wait=WAIT_SECONDS)
    assert sum(file["number_of_records"] for file in files) == expected
    with pytest.raises(SalesforceMalformedRequest) as malformed:
        list(bulk.query("SELECT Nope FROM Contact", wait=WAIT_SECONDS))
    assert error_codes(malformed) == ["INVALID_FIELD"]


@calls("query", "Account.create", "bulk.Account.insert", "bulk.Account.query", "bulk2.Account.query")
def test_salesforces_session_ends(secure_demo, salesforce):
    """Salesforce's session ends before each of these calls, and none of them notices."""
    made = []
    for call in (
        lambda: salesforce.query("SELECT Id FROM Account LIMIT 1"),
        lambda: made.append(salesforce.Account.create({"Name": "Made on a fresh token"})["id"]),
        lambda: made.extend(one["id"] for one in salesforce.bulk.Account.insert([{"Name": "Made on a fresh token"}])),
        lambda: salesforce.bulk.Account.query("SELECT Id FROM Account LIMIT 1", wait=WAIT_SECONDS),
        lambda: list(salesforce.bulk2.Account.query("SELECT Id FROM Account LIMIT 1", wait=WAIT_SECONDS)),
    ):
        secure_demo.end_tokens()
        call()
    assert named(salesforce, "Made on a fresh token") == sorted(made)
    for one in made:
        salesforce.Account.delete(one)


# Keys.


@pytest.mark.parametrize("scheme", ["Bearer {}", "OAuth {}", "bearer {}"])
def test_authorization_schemes(browserless, secure_axonify, key, scheme):
    """Both of Salesforce's schemes, in any case."""
    answer = browserless.get(
        f"{secure_axonify.url}/services/data/v60.0/limits",
        headers={"Authorization": scheme.format(key)},
        timeout=TIMEOUT_SECONDS,
    )
    assert answer.status_code == 200, answer.text


@calls("query", "Account.describe", "limits", "oauth2('userinfo')")
def test_read_only_key_reads(connect, secure_axonify, read_key):
    """A read-only key reads."""
    salesforce = connect(secure_axonify, read_key)
    assert salesforce.query("SELECT Id FROM Account LIMIT 1")["totalSize"] == 1
    assert salesforce.Account.describe()["name"] == "Account"
    assert salesforce.limits()
    assert salesforce.oauth2("userinfo")


@calls("Account.create", "toolingexecute", "apexecute", "bulk.Account.query", "bulk2.Account.query")
def test_read_only_key_refuses_writes(connect, secure_axonify, read_key):
    """A read-only key is refused whatever is no plain read, jobs of bulk queries included: 403 `KEY_SCOPE`."""
    salesforce = connect(secure_axonify, read_key)
    for write in (
        lambda: salesforce.Account.create({"Name": "x"}),
        lambda: salesforce.restful("tooling/executeAnonymous", {"anonymousBody": "System.debug(1);"}),
        lambda: salesforce.toolingexecute("executeAnonymous", params={"anonymousBody": "System.debug(1);"}),
        lambda: salesforce.apexecute("DoSomething"),
        lambda: salesforce.bulk.Account.query("SELECT Id FROM Account", wait=WAIT_SECONDS),
        lambda: list(salesforce.bulk2.Account.query("SELECT Id FROM Account", wait=WAIT_SECONDS)),
    ):
        with pytest.raises(SalesforceRefusedRequest) as refused:
            write()
        assert error_codes(refused) == ["KEY_SCOPE"]


@calls("query")
def test_rate_limit(connect, throttled_axonify, throttled_key):
    """Beyond its rate a key gets 429 `REQUEST_LIMIT_EXCEEDED`, which the library raises at once."""
    salesforce = connect(throttled_axonify, throttled_key)
    with pytest.raises(SalesforceGeneralError) as limited:
        # What is allowed at once is used up long before as many seconds have passed.
        for _ in range(50):
            salesforce.query("SELECT Id FROM Account LIMIT 1")
    assert limited.value.status == 429
    assert error_codes(limited) == ["REQUEST_LIMIT_EXCEEDED"]


def test_ended_key_is_worthless(connect, secure_session, secure_axonify):
    """As Salesforce answers an ended session, so that clients understand."""
    made = make_key(secure_session, secure_axonify, "left on a bus", "full")
    salesforce = connect(secure_axonify, made["key"])
    assert salesforce.query("SELECT Id FROM Account LIMIT 1")["totalSize"] == 1
    end_key(secure_session, secure_axonify, made["id"])
    for call in (
        lambda: salesforce.query("SELECT Id FROM Account LIMIT 1"),
        lambda: salesforce.bulk.Account.query("SELECT Id FROM Account", wait=WAIT_SECONDS),
        lambda: list(salesforce.bulk2.Account.query("SELECT Id FROM Account", wait=WAIT_SECONDS)),
    ):
        with pytest.raises(SalesforceExpiredSession) as expired:
            call()
        assert error_codes(expired) == ["INVALID_SESSION_ID"]


def test_key_of_one_tenant_is_worthless_at_another(connect, secure_neighbour, key):
    """There it is no key at all."""
    with pytest.raises(SalesforceExpiredSession):
        connect(secure_neighbour, key).query("SELECT Id FROM Account LIMIT 1")


def test_wrong_credential_never_falls_back_to_the_cookie(secure_session, secure_axonify):
    """Who sends a credential is judged by it alone, whatever cookie comes along."""
    answer = secure_session.get(
        f"{secure_axonify.url}/services/data/v60.0/limits",
        headers={"Authorization": "Bearer junk", "Sec-Fetch-Site": "same-origin"},
        timeout=TIMEOUT_SECONDS,
    )
    assert answer.status_code == 401
    assert answer.json()[0]["errorCode"] == "INVALID_SESSION_ID"


def test_keys_do_not_manage_keys(browserless, secure_axonify, key):
    """A key that leaks makes no further keys."""
    answer = browserless.post(
        f"{secure_axonify.url}/api/keys",
        json={"name": "another", "scope": "full"},
        headers={"Authorization": f"Bearer {key}"},
        timeout=TIMEOUT_SECONDS,
    )
    assert answer.status_code in (401, 403)


def test_salesforce_never_sees_the_key(secure_demo, secure_session, secure_axonify, salesforce, key):
    """Nor the cookie: it gets the person's own access token, and the log has none of the three."""
    before = secure_demo.journal_end()
    salesforce.query("SELECT Id FROM Account LIMIT 1")
    salesforce.bulk.Account.query("SELECT Id FROM Account LIMIT 1", wait=WAIT_SECONDS)
    entries = secure_demo.journal_after(before)
    [call] = [entry for entry in entries if "/query" in entry.target]
    token = call.headers["authorization"].removeprefix("Bearer ")
    assert SESSION_ID.match(token) and token != key
    assert {entry.headers["x-sfdc-session"] for entry in entries if "/async/" in entry.target} == {token}
    assert not any("cookie" in entry.headers for entry in entries)
    cookies = [cookie.value for cookie in secure_session.cookies if secure_axonify.host in cookie.domain]
    secrets = [key, key.split("fiq.")[1], token, *cookies]
    seen = "\n".join(f"{entry.target} {entry.headers} {entry.body}" for entry in secure_demo.journal())
    log = secure_demo.log.read_text()
    for secret in secrets:
        assert secret not in log
        assert secret == token or secret not in seen
