"""The client matrix: which calls of which client library a test makes, as the table in docs/clients.md has them."""

import re
from dataclasses import dataclass
from importlib import metadata

import pytest

from Support.demo import REPOSITORY

PAGE = REPOSITORY / "docs/clients.md"
# Tests/Clients/test_matrix.py compares what is between the two.
_TABLE = re.compile(r"<!-- matrix: [^\n]* -->\n\n(.*?)\n<!-- matrix: end -->", re.DOTALL)


@dataclass(frozen=True)
class Row:
    """Calls that one test makes, and what it shows of them."""

    client: str
    calls: tuple[str, ...]
    shown: str

    @property
    def line(self):
        """The row as the page has it."""
        return f"| {self.client} | {', '.join(f'`{call}`' for call in self.calls)} | {self.shown} |"


def calls(client, *names, shown=None):
    """Marks a test, or one of its cases, as the one that makes these calls of a client.

    What is shown of them is the first sentence of the test's description, where nothing else is said.
    """
    return pytest.mark.calls(client, *names, shown=shown)


def library(name):
    """A library of PyPI with the version that is installed."""
    return f"{name} {metadata.version(name)}"


def _shown(function):
    """The first sentence of the test's description."""
    return " ".join(function.__doc__.split("\n\n")[0].split())


def _row(mark, function):
    client, *names = mark.args
    return Row(client, tuple(names), mark.kwargs["shown"] or _shown(function))


def row_of(item):
    """The row of a test that is run; `None` where it is in no row."""
    mark = item.get_closest_marker("calls")
    return _row(mark, item.function) if mark else None


def rows(module):
    """The rows of a module's tests, in their order."""
    found = []
    for function in vars(module).values():
        for mark in getattr(function, "pytestmark", []):
            if mark.name == "calls":
                found.append(_row(mark, function))
            elif mark.name == "parametrize":
                cases = (case for case in mark.args[1] if hasattr(case, "marks"))
                found += [_row(mark, function) for case in cases for mark in case.marks if mark.name == "calls"]
    return found


def table(found):
    """Rows as the page has them."""
    return "\n".join(["| client | calls | what is shown |", "|---|---|---|", *(row.line for row in found), ""])


def table_of_the_page():
    """What the page has."""
    found = _TABLE.search(PAGE.read_text())
    assert found, f"{PAGE} has no matrix"
    return found.group(1)
