"""salesforce-bulk, a client of Bulk API 1 alone: `X-SFDC-Session`, XML, and content types compared to the letter."""

import csv
import json

import pytest
from salesforce_bulk import CsvDictsAdapter, SalesforceBulk
from salesforce_bulk.salesforce_bulk import BulkApiError, BulkBatchFailed

from Support import matrix

SLEEP_SECONDS = 0.01
LIBRARY = matrix.library("salesforce-bulk")


def calls(*names):
    """The calls of this library that a test makes."""
    return matrix.calls(LIBRARY, *names)


@pytest.fixture(scope="module", autouse=True)
def surroundings(certificate):
    """The library takes the authority from the environment alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REQUESTS_CA_BUNDLE", str(certificate.authority))
        for name in ("NO_PROXY", "no_proxy"):
            patch.setenv(name, ".localhost,127.0.0.1")
        yield


@pytest.fixture(scope="module")
def bulk(secure_axonify, key):
    """The library with a key that may do everything."""
    return SalesforceBulk(sessionId=key, host=secure_axonify.url)


def write(bulk, job, records, content_type="CSV"):
    """Writes records as one batch; what came of each."""
    data = CsvDictsAdapter(iter(records)) if content_type == "CSV" else json.dumps(records)
    batch = bulk.post_batch(job, data)
    bulk.wait_for_batch(job, batch, sleep_interval=SLEEP_SECONDS)
    bulk.close_job(job)
    return bulk.get_batch_results(batch)


def read(bulk, soql, content_type):
    """A query's results, as bytes."""
    job = bulk.create_query_job("Account", contentType=content_type)
    batch = bulk.query(job, soql)
    bulk.close_job(job)
    bulk.wait_for_batch(job, batch, sleep_interval=SLEEP_SECONDS)
    return b"".join(result.read() for result in bulk.get_all_results_for_query_batch(batch))


@calls("create_insert_job", "create_update_job", "create_delete_job", "post_batch", "get_batch_results")
def test_records_are_written(bulk):
    """Records are made, changed and deleted in CSV."""
    made = write(bulk, bulk.create_insert_job("Account"), [{"Name": "Loaded 1"}, {"Name": "Loaded 2"}, {"Name": ""}])
    assert [(result.success, result.created) for result in made] == [("true", "true")] * 2 + [("false", "false")]
    assert made[2].error.startswith("REQUIRED_FIELD_MISSING")
    ids = [result.id for result in made[:2]]
    changed = write(bulk, bulk.create_update_job("Account"), [{"Id": one, "Name": "Reloaded"} for one in ids])
    assert [(result.id, result.created) for result in changed] == [(one, "false") for one in ids]
    gone = write(bulk, bulk.create_delete_job("Account"), [{"Id": one} for one in ids])
    assert [result.success for result in gone] == ["true", "true"]


@calls("create_upsert_job", "post_batch", "get_batch_results")
def test_records_are_upserted(bulk):
    """Records are upserted in JSON by an external id."""
    records = [{"External_Id__c": "LOADED-1", "Name": "Upserted"}]
    created = [
        result.created
        for _ in range(2)
        for job in [bulk.create_upsert_job("Account", "External_Id__c", contentType="JSON")]
        for result in write(bulk, job, records, "JSON")
    ]
    assert created == [True, False]


@calls("create_query_job", "query", "wait_for_batch", "get_all_results_for_query_batch")
def test_query(bulk):
    """The same records come as CSV and as JSON."""
    soql = "SELECT Id, Name FROM Account ORDER BY Id LIMIT 50"
    lines = list(csv.DictReader(read(bulk, soql, "CSV").decode().splitlines()))
    records = json.loads(read(bulk, soql, "JSON"))
    assert len(lines) == 50
    assert [(line["Id"], line["Name"]) for line in lines] == [(found["Id"], found["Name"]) for found in records]


@calls("create_queryall_job", "get_query_batch_request", "get_query_batch_result_ids")
def test_query_of_deleted_records(bulk, secure_axonify, key):
    """Deleted records are found too; the query can be read back, and its results are named."""
    bulk = SalesforceBulk(sessionId=key, host=secure_axonify.url, API_version="60.0")
    [made] = write(bulk, bulk.create_insert_job("Account"), [{"Name": "Soon deleted"}])
    write(bulk, bulk.create_delete_job("Account"), [{"Id": made.id}])
    soql = f"SELECT Id, IsDeleted FROM Account WHERE Id = '{made.id}'"
    job = bulk.create_queryall_job("Account", contentType="JSON")
    batch = bulk.query(job, soql)
    assert bulk.get_query_batch_request(batch, job) == soql
    assert len(bulk.get_query_batch_result_ids(batch, job)) == 1
    [found] = [record for result in bulk.get_all_results_for_query_batch(batch) for record in json.loads(result.read())]
    assert (found["Id"], found["IsDeleted"]) == (made.id, True)


@calls("job_status", "job_state", "batch_status", "get_batch_list", "close_job", "abort_job")
def test_jobs(bulk):
    """A job and its batches say how they stand; jobs are closed and aborted."""
    job = bulk.create_insert_job("Account", concurrency="Serial")
    assert bulk.job_state(job) == "Open"
    batch = bulk.post_batch(job, CsvDictsAdapter(iter([{"Name": ""}])))
    assert bulk.batch_status(batch, job)["numberRecordsFailed"] == "1"
    assert [listed["id"] for listed in bulk.get_batch_list(job)] == [batch]
    bulk.close_job(job)
    status = bulk.job_status(job)
    assert (status["state"], status["concurrencyMode"], status["numberBatchesTotal"]) == ("Closed", "Serial", "1")
    aborted = bulk.create_insert_job("Account")
    bulk.abort_job(aborted)
    assert bulk.job_state(aborted) == "Aborted"


@calls("create_query_job", "query", "is_batch_done", "get_query_batch_result_ids")
def test_salesforces_session_ends(bulk, secure_demo):
    """Salesforce's session ends before each of these calls, and none of them notices."""
    secure_demo.end_tokens()
    job = bulk.create_query_job("Account")
    secure_demo.end_tokens()
    batch = bulk.query(job, "SELECT Id FROM Account LIMIT 1")
    secure_demo.end_tokens()
    assert bulk.is_batch_done(batch, job)
    secure_demo.end_tokens()
    assert len(bulk.get_query_batch_result_ids(batch, job)) == 1


def test_failures_are_the_librarys(bulk):
    """What Salesforce refuses comes as the library's exceptions."""
    with pytest.raises(BulkApiError, match="InvalidEntity") as refused:
        bulk.create_insert_job("Nope")
    assert refused.value.status_code == 400
    job = bulk.create_query_job("Account")
    batch = bulk.query(job, "SELECT Nope FROM Account")
    with pytest.raises(BulkBatchFailed, match="INVALID_FIELD"):
        bulk.wait_for_batch(job, batch, sleep_interval=SLEEP_SECONDS)


@calls("create_query_job")
def test_read_only_key(secure_axonify, read_key):
    """A read-only key creates no job, not even of a query: 403 `KEY_SCOPE`."""
    with pytest.raises(BulkApiError, match="KEY_SCOPE") as refused:
        SalesforceBulk(sessionId=read_key, host=secure_axonify.url).create_query_job("Account")
    assert refused.value.status_code == 403


def test_wrong_key(secure_axonify):
    """No key of this workspace: 401, in the gateway's words."""
    with pytest.raises(BulkApiError, match="INVALID_SESSION_ID") as refused:
        SalesforceBulk(sessionId="00Dxx0000000000!junk", host=secure_axonify.url).create_query_job("Account")
    assert refused.value.status_code == 401
