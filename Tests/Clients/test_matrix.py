"""The table of docs/clients.md is what these tests show, and nothing else."""

import pytest
import test_curl
import test_salesforce_bulk
import test_simple_salesforce

from Support import matrix

ROWS = [row for module in (test_curl, test_simple_salesforce, test_salesforce_bulk) for row in matrix.rows(module)]


def test_no_row_stands_twice():
    """Who made a row could not be told otherwise."""
    assert len(set(ROWS)) == len(ROWS)


def test_table_is_what_the_tests_show():
    """Row by row: a test that is new, gone or renamed changes the page, or fails here."""
    expected = matrix.table(ROWS)
    assert matrix.table_of_the_page() == expected, f"the table of docs/clients.md should be:\n\n{expected}"


def test_every_row_has_passed(request, passed):
    """In this very run."""
    selected = {matrix.row_of(item) for item in request.session.items} - {None}
    if selected != set(ROWS):
        pytest.skip("only some of the client tests were selected")
    assert set(ROWS) - passed == set()
