"""What every test of this directory gets."""

import shutil

import pytest

from Support import demo as demos
from Support.localhost import resolve_to_loopback

resolve_to_loopback()


@pytest.fixture(scope="session")
def demo():
    """The gateway, the simulator and a database, for the whole run; they end cleanly."""
    running = demos.start()
    yield running
    status = demos.stop(running)
    assert status == 0, f"formation demo ended with {status}:\n{running.log.read_text()[-4000:]}"
    shutil.rmtree(running.log.parent)


@pytest.fixture(scope="session")
def axonify(demo):
    """The seeded tenant."""
    return next(tenant for tenant in demo.tenants if tenant.company == "Axonify")


@pytest.fixture(scope="session")
def neighbour(demo, axonify):
    """Another tenant under the same base domain."""
    return next(tenant for tenant in demo.tenants if tenant is not axonify)
