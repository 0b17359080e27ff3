"""What a fuzzer makes of the API's own description: every answer is one that the description tells of."""

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from Support.sign_in import make_key, sign_in

TIMEOUT_SECONDS = 20
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# The same requests every time: a run that fails is a run that fails again.
BOUNDED = settings(
    max_examples=20,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def admin(axonify):
    """The admin's browser session, without a browser."""
    return sign_in(axonify, axonify.users[0])


@pytest.fixture(scope="module")
def key(admin, axonify):
    """Their access key of full scope."""
    return make_key(admin, axonify, "fuzzer", "full")["key"]


@pytest.fixture(scope="module")
def leaver(axonify):
    """A session that may end."""
    return sign_in(axonify, axonify.users[0])


@pytest.fixture(scope="module")
def document(axonify):
    """The API as it describes itself."""
    return schemathesis.openapi.from_url(f"{axonify.url}/api/openapi.json")


def plain_session():
    """A client without anybody's settings."""
    session = requests.Session()
    session.trust_env = False
    return session


def fuzz(operation, mode, session, headers):
    """Sends what is generated from the description, valid or not, and holds each answer against it.

    What is generated as a credential gives way to ours: it would find nothing but 401.
    """

    @BOUNDED
    @given(case=operation.as_strategy(generation_mode=mode))
    def every_answer_is_described(case):
        case.cookies.clear()
        case.headers.pop("Authorization", None)
        answer = case.call_and_validate(
            session=session,
            headers=headers,
            checks=CHECKS,
            timeout=TIMEOUT_SECONDS,
            allow_redirects=False,
        )
        statuses.add(answer.status_code)

    statuses = set()
    every_answer_is_described()
    return statuses


def fuzz_all(document, subtests, session, headers):
    """All of the API but signing out, which would leave nobody to ask for the rest. The statuses that came."""
    statuses = set()
    for found in document.exclude(operation_id="signOut").get_all_operations():
        operation = found.ok()
        for mode in GenerationMode:
            with subtests.test(f"{operation.label}, {mode.value}"):
                try:
                    statuses |= fuzz(operation, mode, session, headers)
                except Unsatisfiable:
                    # Nothing about it can be wrong.
                    assert mode is GenerationMode.NEGATIVE
    return statuses


def test_with_an_access_key(document, subtests, key):
    """A script of an admin's."""
    statuses = fuzz_all(document, subtests, plain_session(), {"Authorization": f"Bearer {key}"})
    assert statuses >= {200, 400, 403, 422} and 401 not in statuses, statuses


def test_with_a_session(document, subtests, admin):
    """An admin's browser on a page of the workspace. No id that is generated is the one of its own session."""
    statuses = fuzz_all(document, subtests, admin, {"Sec-Fetch-Site": "same-origin"})
    assert statuses >= {200, 201, 404, 422} and 401 not in statuses, statuses


def test_as_nobody(document, subtests):
    """Without any credential."""
    statuses = fuzz_all(document, subtests, plain_session(), {})
    assert statuses <= {200, 304, 400, 401}, statuses


def test_signing_out(document, leaver):
    """It ends a session that may end, and goes on as nobody."""
    operation = document.find_operation_by_id("signOut")
    fuzz(operation, GenerationMode.POSITIVE, leaver, {"Sec-Fetch-Site": "same-origin"})


def test_admin_is_still_signed_in(admin, axonify):
    """What went before was asked by the admin, not by nobody."""
    answer = admin.get(f"{axonify.url}/api/me", timeout=TIMEOUT_SECONDS)
    assert answer.status_code == 200, answer.text
