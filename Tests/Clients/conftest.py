"""What the client tests share: a demo that speaks https, as real clients insist, and the record of the matrix."""

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from Support import certificate as certificates
from Support import demo as demos
from Support import matrix
from Support.sign_in import make_key, sign_in

_PASSED = pytest.StashKey[set]()


@pytest.fixture(scope="session")
def certificate():
    """The gateway's certificate, by an authority that only these tests know."""
    directory = Path(tempfile.mkdtemp(prefix="formation-certificate."))
    yield certificates.make(directory)
    shutil.rmtree(directory)


@contextmanager
def demo(certificate, **settings):
    """The gateway over https, the simulator and a database; they end cleanly."""
    running = demos.start(certificate, **settings)
    yield running
    status = demos.stop(running)
    assert status == 0, f"formation demo ended with {status}:\n{running.log.read_text()[-4000:]}"
    shutil.rmtree(running.log.parent)


def axonify(running):
    """The tenant that is seeded."""
    return next(tenant for tenant in running.tenants if tenant.company == "Axonify")


@pytest.fixture(scope="session")
def secure_demo(certificate):
    """A demo as everybody gets it, over https."""
    with demo(certificate) as running:
        yield running


@pytest.fixture(scope="session")
def secure_axonify(secure_demo):
    """The seeded tenant."""
    return axonify(secure_demo)


@pytest.fixture(scope="session")
def throttled_axonify(certificate):
    """The seeded tenant of a demo whose keys may make one call a second."""
    with demo(certificate, RATE_LIMIT_ENTERPRISE="1") as running:
        yield axonify(running)


@pytest.fixture(scope="session")
def throttled_key(throttled_axonify, certificate):
    """A key there."""
    session = sign_in(throttled_axonify, throttled_axonify.users[0], certificate.authority)
    return make_key(session, throttled_axonify, "in a hurry", "full")["key"]


@pytest.fixture(scope="session")
def secure_neighbour(secure_demo, secure_axonify):
    """Another tenant under the same base domain."""
    return next(tenant for tenant in secure_demo.tenants if tenant is not secure_axonify)


@pytest.fixture(scope="session")
def person(secure_axonify):
    """The admin of the seeded tenant."""
    return secure_axonify.users[0]


@pytest.fixture(scope="session")
def secure_session(secure_axonify, person, certificate):
    """Their browser's session, without a browser."""
    return sign_in(secure_axonify, person, certificate.authority)


@pytest.fixture(scope="session")
def key(secure_session, secure_axonify):
    """A key of theirs that may do everything."""
    return make_key(secure_session, secure_axonify, "nightly export", "full")["key"]


@pytest.fixture(scope="session")
def read_key(secure_session, secure_axonify):
    """A key of theirs that may only read."""
    return make_key(secure_session, secure_axonify, "dashboard", "read")["key"]


@pytest.fixture
def passed(request):
    """The rows of the matrix whose tests have passed so far."""
    return request.config.stash.setdefault(_PASSED, set())


def pytest_collection_modifyitems(items):
    """The matrix is judged when everything else is done."""
    items.sort(key=lambda item: item.path.name == "test_matrix.py")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Remembers which rows of the matrix have passed."""
    report = yield
    row = matrix.row_of(item)
    if row and report.when == "call" and report.passed:
        item.config.stash.setdefault(_PASSED, set()).add(row)
    return report
