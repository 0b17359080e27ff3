"""The query explorer: pages of rows, saved queries and files, with the keyboard alone; and what may go wrong."""

import csv
import io
import json
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from test_pages import RULES
from workspace import API, consent, expect_signed_out, log_in_at_salesforce, query_field, run_query, sign_in
from workspace import sign_out_button, tab_to

CONTACTS = "SELECT Id, Name, Email, Account.Name, CreatedDate FROM Contact ORDER BY Id"
QUERIES = re.compile(r"/services/data/v\d+\.\d+/query")
NEXT_PAGES = re.compile(r"/services/data/v\d+\.\d+/query/")
FILE_NAME = re.compile(r"Contact-\d{4}-\d\d-\d\d\.csv")
# A page with rows that lead to records, or unfold, has many stops.
STOPS = 120


@pytest.fixture
def explorer(page, axonify):
    """The page of somebody who has just signed in; they must not see an error in the console."""
    sign_in(page, axonify, axonify.users[0])
    return page


def status(page):
    """What the explorer says of the rows."""
    return page.locator("#explorer-status")


def button(page, name):
    """A button by its whole name."""
    return page.get_by_role("button", name=name, exact=True)


def press(page, control, key="Enter"):
    """Reaches a control by Tab and presses a key on it."""
    tab_to(page, control, STOPS)
    page.keyboard.press(key)


def save_query(page, name):
    """Saves what is in the field, with the keyboard."""
    press(page, button(page, "Save query"))
    expect(page.get_by_label("Name of the query")).to_be_focused()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type(name)
    page.keyboard.press("Enter")


def saved(page):
    """The names of the saved queries."""
    return page.locator("#saved-list > li > button")


def questions(page):
    """Collects the addresses of the questions that the page asks from now on."""
    asked = []
    page.on("request", lambda request: asked.append(request.url) if QUERIES.search(request.url) else None)
    return asked


def all_rows(page, soql):
    """What the API returns, from the first page to the last."""
    return page.evaluate(
        """async ([path, soql]) => {
            const rows = [];
            for (let next = path + "/query?q=" + encodeURIComponent(soql); next; ) {
                const body = await (await fetch(next)).json();
                rows.push(...body.records);
                next = body.nextRecordsUrl;
            }
            return rows;
        }""",
        [API, soql],
    )


def answer_with(page, records, **more):
    """Lets every query have these records as its answer."""
    body = {"totalSize": len(records), "done": True, **more, "records": records}
    page.route(QUERIES, lambda route: route.fulfill(json=body))


def downloaded(page):
    """Downloads the rows, with the keyboard: the file's name, and its bytes."""
    with page.expect_download() as found:
        press(page, page.get_by_role("button", name=re.compile("^Download CSV")))
    file = found.value
    return file.suggested_filename, file.path().read_bytes()


def parsed(content):
    """A file's rows, read as the standard has them."""
    assert content.startswith(b"\xef\xbb\xbf"), "Excel takes it for UTF-8"
    text = content.decode("utf-8-sig")
    assert text.endswith("\r\n")
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def violations(page):
    """What axe finds, of whatever weight."""
    found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
    return [(one["id"], one["help"], [node["html"] for node in one["nodes"]]) for one in found]


# Pages


def test_rows_come_in_pages(explorer, screenshot):
    """Next reads on, Previous shows again what was there without a request, and both keep the focus."""
    page = explorer
    rows = all_rows(page, CONTACTS)
    total = f"{len(rows):,}"
    run_query(page, CONTACTS)
    expect(status(page)).to_have_text(f"Rows 1 to 2,000 of {total}.")
    table = page.get_by_role("table")
    expect(table.get_by_role("row")).to_have_count(2001)
    asked = questions(page)
    press(page, button(page, "Previous"))
    expect(status(page)).to_have_text(f"Rows 1 to 2,000 of {total}.")
    press(page, button(page, "Next"))
    expect(status(page)).to_have_text(f"Rows 2,001 to {total} of {total}.")
    expect(button(page, "Next")).to_be_focused()
    expect(table.get_by_role("row").nth(1)).to_contain_text(rows[2000]["Id"])
    expect(table.get_by_role("rowheader").first).to_have_text("2,001")
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+Tab")
    expect(button(page, "Previous")).to_be_focused()
    page.keyboard.press("Enter")
    expect(status(page)).to_have_text(f"Rows 1 to 2,000 of {total}.")
    expect(table.get_by_role("row").nth(1)).to_contain_text(rows[0]["Id"])
    press(page, button(page, "Next"))
    expect(status(page)).to_have_text(f"Rows 2,001 to {total} of {total}.")
    assert len(asked) == 1, asked


def test_page_that_fails_can_be_asked_for_again(explorer):
    """What was shown stays, and says so."""
    page = explorer
    run_query(page, CONTACTS)
    expect(button(page, "Next")).to_be_visible()
    page.route(NEXT_PAGES, lambda route: route.abort())
    press(page, button(page, "Next"))
    expect(page.get_by_role("alert")).to_contain_text("could not be reached")
    expect(status(page)).to_contain_text("Rows 1 to 2,000")
    expect(page.get_by_role("table")).to_be_visible()
    page.unroute(NEXT_PAGES)
    press(page, button(page, "Next"))
    expect(status(page)).to_contain_text("Rows 2,001 to")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_rows_that_salesforce_forgot(explorer):
    """A cursor that has ended is said in words that help."""
    page = explorer
    run_query(page, CONTACTS)
    expect(button(page, "Next")).to_be_visible()
    problem = [{"message": "invalid query locator", "errorCode": "INVALID_QUERY_LOCATOR"}]
    page.route(NEXT_PAGES, lambda route: route.fulfill(status=400, json=problem))
    press(page, button(page, "Next"))
    expect(page.get_by_role("alert")).to_contain_text("Run the query again.")


# Shapes of answers


@pytest.mark.parametrize(
    ("soql", "words"),
    [
        ("SELECT COUNT() FROM Contact WHERE Id = null", "No rows."),
        ("SELECT Id FROM Contact WHERE Id = null", "No rows."),
        ("SELECT COUNT() FROM Opportunity", re.compile(r"^\d+ rows counted\.$")),
        ("SELECT Id FROM Account LIMIT 1", "1 row."),
    ],
)
def test_counts_are_words(explorer, soql, words):
    """Answers without rows, and with one."""
    run_query(explorer, soql)
    expect(status(explorer)).to_have_text(words)
    expect(button(explorer, "Download CSV")).to_be_visible(visible="LIMIT" in soql)


def test_aggregates_are_rows(explorer):
    """Their columns are the aliases, and their file has the object's name."""
    run_query(explorer, "SELECT StageName, COUNT(Id), MAX(Amount) top FROM Opportunity GROUP BY StageName")
    headers = explorer.get_by_role("table").get_by_role("columnheader")
    expect(headers).to_have_text(["StageName", "expr0", "top"])
    name, content = downloaded(explorer)
    assert name.startswith("Opportunity-")
    assert parsed(content)[0] == ["StageName", "expr0", "top"]


def test_child_rows_unfold(explorer):
    """A sub-query's rows are shown below their row, and stand in the file as JSON."""
    page = explorer
    soql = "SELECT Name, (SELECT Id, LastName FROM Contacts) FROM Account WHERE Id IN (SELECT AccountId FROM Contact)"
    rows = all_rows(page, f"{soql} ORDER BY Name LIMIT 3")
    run_query(page, f"{soql} ORDER BY Name LIMIT 3")
    children = [child["LastName"] for child in rows[0]["Contacts"]["records"]]
    unfold = button(page, f"{len(children)} row{'' if len(children) == 1 else 's'}").first
    press(page, unfold)
    expect(unfold).to_have_attribute("aria-expanded", "true")
    inner = page.get_by_role("table", name="Contacts")
    expect(inner.get_by_role("row")).to_have_count(len(children) + 1)
    expect(inner).to_contain_text(children[0])
    page.keyboard.press("Enter")
    expect(inner).to_have_count(0)
    table = parsed(downloaded(page)[1])
    assert [[child["LastName"] for child in json.loads(row[1])] for row in table[1:]] == [
        [child["LastName"] for child in row["Contacts"]["records"]] for row in rows
    ]


def test_child_rows_that_do_not_fit_make_no_file(explorer):
    """A file never holds a part of a sub-query's rows as if it were all."""
    page = explorer
    children = {"totalSize": 9, "done": False, "nextRecordsUrl": f"{API}/query/01g-1", "records": [{"Id": "1"}]}
    answer_with(page, [{"Name": "A", "Contacts": children}])
    run_query(page, "SELECT Name, (SELECT Id FROM Contacts) FROM Account")
    expect(button(page, "1 of 9 rows")).to_be_visible()
    press(page, button(page, "Download CSV"))
    expect(page.get_by_role("alert")).to_contain_text("no file was saved")
    expect(page.get_by_role("alert")).to_contain_text("more rows of Contacts")


def test_missing_parents_and_long_values(explorer):
    """Columns keep the query's order though a row lacks a parent; a long value is folded, and all of it is there."""
    page = explorer
    long = "word " * 2000
    answer_with(
        page,
        [
            {"Id": "1", "Account": None, "Note": long},
            {"Id": "2", "Account": {"attributes": {}, "Name": "A", "Owner": None}, "Note": None},
            {"Id": "3", "Account": {"attributes": {}, "Name": "B", "Owner": {"Name": "C"}}, "Note": "x" * 100},
        ],
    )
    run_query(page, "SELECT Id, Account.Name, Account.Owner.Name, Note FROM Contact")
    table = page.get_by_role("table")
    expected = ["Id", "Account.Name", "Account.Owner.Name", "Note"]
    expect(table.get_by_role("columnheader")).to_have_text(expected)
    expect(table.get_by_role("row").nth(1).get_by_role("cell").nth(1)).to_have_text("–")
    fold = table.locator("summary")
    press(page, fold)
    expect(fold).to_have_text("Show less")
    expect(table.locator(".whole")).to_contain_text(long.strip())
    rows = parsed(downloaded(page)[1])
    assert rows[0] == expected
    assert rows[1] == ["1", "", "", long]
    assert rows[3] == ["3", "B", "C", "x" * 100]


def test_records_are_links_where_the_org_is_known(page, axonify):
    """An id leads to the record in the org, in a tab of its own."""
    page.add_init_script(
        """document.addEventListener("readystatechange", () => {
            const explorer = document.getElementById("explorer");
            if (explorer) explorer.dataset.recordOrigin = "https://axonify.my.salesforce.com";
        });"""
    )
    sign_in(page, axonify, axonify.users[0])
    run_query(page, "SELECT Id, Name, AccountId FROM Contact LIMIT 1")
    links = page.get_by_role("table").get_by_role("link")
    expect(links).to_have_count(2)
    [row] = all_rows(page, "SELECT Id, Name, AccountId FROM Contact LIMIT 1")
    expect(links.first).to_have_attribute("href", f"https://axonify.my.salesforce.com/{row['Id']}")
    expect(links.first).to_have_attribute("rel", "noopener noreferrer")


# Files


def test_file_holds_all_rows(explorer):
    """The file is what the API returns, whichever page is shown, and asks only for what was not read."""
    page = explorer
    rows = all_rows(page, CONTACTS)
    run_query(page, CONTACTS)
    expect(button(page, "Next")).to_be_visible()
    asked = questions(page)
    name, content = downloaded(page)
    assert FILE_NAME.fullmatch(name)
    expect(page.locator("#download-status")).to_have_text(f"{len(rows):,} rows saved as {name}.")
    expect(button(page, "Download CSV")).to_be_visible()
    found = parsed(content)
    assert found[0] == ["Id", "Name", "Email", "Account.Name", "CreatedDate"]
    parents = [(row["Account"] or {}).get("Name") or "" for row in rows]
    assert found[1:] == [
        [row["Id"], row["Name"], row["Email"] or "", parent, row["CreatedDate"]]
        for row, parent in zip(rows, parents, strict=True)
    ]
    assert len(asked) == 1, asked
    assert downloaded(page)[1] == content
    assert len(asked) == 1, asked


def test_file_runs_no_formulas(explorer):
    """Text that a spreadsheet would run is marked as text, numbers stay numbers, and all of it can be read back."""
    page = explorer
    texts = ["=1+1", "+49 (30) 1", "-x", "@SUM(1)", "\tx", "\rx", "＝1", '=HYPERLINK("http://a")']
    harmless = ["-5", "+4930", "plain", 'a "quoted", one', "two\r\nlines", " space", "semi;colon", "a=1", "Zoë ✓"]
    records = [{"Text": text, "Number": -1.5, "Flag": False} for text in texts + harmless]
    answer_with(page, records)
    run_query(page, "SELECT Text, Number, Flag FROM Thing__c")
    name, content = downloaded(page)
    assert name.startswith("Thing__c-")
    rows = parsed(content)[1:]
    assert [row[0] for row in rows] == ["'" + text for text in texts] + harmless
    assert {tuple(row[1:]) for row in rows} == {("-1.5", "false")}


def test_download_that_fails_leaves_no_file(explorer):
    """It says after how many rows it stopped, and the next try goes on from there."""
    page = explorer
    files = []
    page.on("download", lambda file: files.append(file))
    run_query(page, CONTACTS)
    expect(button(page, "Next")).to_be_visible()
    problem = [{"message": "Too many requests.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]
    page.route(NEXT_PAGES, lambda route: route.fulfill(status=429, json=problem, headers={"Retry-After": "7"}))
    press(page, button(page, "Download CSV"))
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text(re.compile(r"stopped after 2,000 of [\d,]+ rows, so no file was saved"))
    expect(alert).to_contain_text("Try again in 7 seconds, at")
    expect(page.get_by_role("progressbar")).to_have_count(0)
    assert files == []
    page.unroute(NEXT_PAGES)
    assert len(parsed(downloaded(page)[1])) == len(all_rows(page, CONTACTS)) + 1
    expect(page.get_by_role("alert")).to_have_count(0)


def test_download_can_be_cancelled(explorer, screenshot):
    """While it goes on there is a count, a bar and a button; then there is no file."""
    page = explorer
    files = []
    page.on("download", lambda file: files.append(file))
    # Few rows, since axe looks at each cell.
    first = {"totalSize": 60, "done": False, "nextRecordsUrl": f"{API}/query/01g-20", "records": [{"Number": 1}] * 20}
    page.route(QUERIES, lambda route: route.fulfill(json=first))
    # An answer that never comes.
    page.route(NEXT_PAGES, lambda route: None)
    run_query(page, "SELECT Number FROM Thing__c")
    expect(button(page, "Next")).to_be_visible()
    press(page, button(page, "Download CSV"))
    expect(page.locator("#download-text")).to_contain_text("20 of 60 rows read")
    screenshot(page, "explorer-downloading")
    assert violations(page) == []
    press(page, button(page, "Cancel"))
    expect(page.locator("#download-status")).to_contain_text("cancelled")
    expect(page.locator("#download-status")).to_contain_text("No file was saved.")
    expect(button(page, "Download CSV")).to_be_focused()
    assert files == []


def test_download_has_a_limit_that_is_told(explorer):
    """Button and file name say that there are more rows than in the file."""
    page = explorer

    def answer(route):
        start = int(route.request.url.rsplit("-", 1)[1]) if NEXT_PAGES.search(route.request.url) else 0
        records = [{"Number": number} for number in range(start, start + 2000)]
        following = f"{API}/query/01g-{start + 2000}"
        route.fulfill(json={"totalSize": 60_000, "done": False, "nextRecordsUrl": following, "records": records})

    page.route(QUERIES, answer)
    run_query(page, "SELECT Number FROM Thing__c")
    expect(button(page, "Download CSV (first 50,000 rows)")).to_be_visible()
    name, content = downloaded(page)
    assert name.endswith("-first-50000.csv")
    assert [row[0] for row in parsed(content)] == ["Number", *map(str, range(50_000))]


# Saved queries


def test_queries_are_saved_run_renamed_and_deleted(explorer, screenshot):
    """All of it with the keyboard, each change can be taken back, and a new page has them still."""
    page = explorer
    first, second = "SELECT Name FROM Account LIMIT 1", "SELECT Name FROM Account LIMIT 2"
    query_field(page).fill(first)
    save_query(page, "  Big   accounts ")
    expect(saved(page)).to_have_text(["Big accounts"])
    expect(button(page, "Save query")).to_be_focused()
    query_field(page).fill(second)
    save_query(page, "BIG ACCOUNTS")
    expect(saved(page)).to_have_text(["BIG ACCOUNTS"])
    expect(page.locator("#shelf-status")).to_contain_text("in place of")
    press(page, button(page, "Undo"))
    expect(saved(page)).to_have_text(["Big accounts"])
    save_query(page, "Another")
    expect(saved(page)).to_have_text(["Another", "Big accounts"])
    page.reload()
    expect(saved(page)).to_have_text(["Another", "Big accounts"])
    press(page, button(page, "Big accounts"))
    expect(query_field(page)).to_have_value(first)
    expect(status(page)).to_have_text("1 row.")
    press(page, button(page, "Rename Big accounts"))
    page.keyboard.type("Another")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Another query is called")
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("Large accounts")
    page.keyboard.press("Enter")
    expect(saved(page)).to_have_text(["Another", "Large accounts"])
    expect(button(page, "Large accounts")).to_be_focused()
    press(page, button(page, "Delete Another"))
    expect(saved(page)).to_have_text(["Large accounts"])
    expect(button(page, "Undo")).to_be_focused()
    page.keyboard.press("Enter")
    expect(saved(page)).to_have_text(["Another", "Large accounts"])
    press(page, button(page, "Another"))
    expect(query_field(page)).to_have_value(second)
    screenshot(page, "explorer-saved")


def test_another_tab_shows_the_change(context, axonify):
    """Two tabs of one person hold the same queries, and neither undoes what the other did."""
    one, other = context.new_page(), context.new_page()
    sign_in(one, axonify, axonify.users[0])
    other.goto(f"{axonify.url}/")
    save_query(one, "From one")
    expect(saved(other)).to_have_text(["From one"])
    save_query(other, "From another")
    expect(saved(one)).to_have_text(["From another", "From one"])


def test_each_person_has_queries_of_their_own(page, axonify):
    """Two people on one browser do not see each other's, and the page says where they are kept."""
    first, second = axonify.users[:2]
    sign_in(page, axonify, first)
    expect(page.get_by_text(f"stay in this browser, for {first.name} alone")).to_be_visible()
    run_query(page, "SELECT Name FROM Account LIMIT 1")
    expect(status(page)).to_have_text("1 row.")
    save_query(page, "Mine")
    sign_out_button(page).click()
    expect_signed_out(page)
    page.context.clear_cookies()
    sign_in(page, axonify, second)
    expect(saved(page)).to_have_count(0)
    expect(page.locator("#recent")).to_be_hidden()
    sign_out_button(page).click()
    expect_signed_out(page)
    page.context.clear_cookies()
    sign_in(page, axonify, first)
    expect(saved(page)).to_have_text(["Mine"])
    expect(page.locator("#recent-list button")).to_have_text(["SELECT Name FROM Account LIMIT 1"])


def test_recent_queries_are_the_last_ten(explorer):
    """The newest first, each once; they can be run again and cleared, and clearing can be taken back."""
    page = explorer
    recent = page.locator("#recent-list button")
    for limit in [*range(1, 13), 5]:
        run_query(page, f"SELECT Id\nFROM Account LIMIT {limit}")
        expect(recent.first).to_have_text(f"SELECT Id FROM Account LIMIT {limit}")
    expect(recent).to_have_text([f"SELECT Id FROM Account LIMIT {n}" for n in (5, 12, 11, 10, 9, 8, 7, 6, 4, 3)])
    run_query(page, "SELECT Nonsense__c FROM Account")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(recent.first).to_have_text("SELECT Id FROM Account LIMIT 5")
    press(page, recent.nth(9))
    expect(query_field(page)).to_have_value("SELECT Id\nFROM Account LIMIT 3")
    expect(status(page)).to_have_text("3 rows.")
    press(page, button(page, "Clear recent queries"))
    expect(recent).to_have_count(0)
    expect(button(page, "Undo")).to_be_focused()
    page.keyboard.press("Enter")
    expect(recent).to_have_count(10)


def test_saved_queries_are_bounded(explorer, axonify):
    """The fifty-first, and a query that is too long, are refused with the limit's name; overwriting still works."""
    page = explorer
    query_field(page).fill("SELECT Id FROM Account WHERE Name = '" + "x" * 20_000 + "'")
    save_query(page, "Long")
    expect(page.get_by_role("alert")).to_contain_text("up to 20,000 can be saved")
    page.keyboard.press("Escape")
    page.evaluate(
        """() => localStorage.setItem(
            "formation.saved-queries." + document.getElementById("explorer").dataset.person,
            JSON.stringify(Array.from({ length: 50 }, (_, index) => ({ name: "Query " + index, soql: "SELECT 1" }))))"""
    )
    page.reload()
    expect(saved(page)).to_have_count(50)
    save_query(page, "One more")
    expect(page.get_by_role("alert")).to_contain_text("50 queries are saved")
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("Query 7")
    page.keyboard.press("Enter")
    expect(page.locator("#shelf-status")).to_contain_text("“Query 7” is saved")
    expect(saved(page)).to_have_count(50)


def test_full_storage_is_said(explorer):
    """Nothing that was saved is lost, and the explorer goes on."""
    page = explorer
    save_query(page, "Before")
    page.evaluate(
        """() => {
            for (let size = 4_000_000; size >= 1; size = Math.floor(size / 2)) {
                try { while (true) localStorage.setItem("filler" + localStorage.length, "x".repeat(size)); } catch {}
            }
        }"""
    )
    save_query(page, "After")
    expect(page.get_by_role("alert")).to_contain_text("storage for this site is full")
    page.keyboard.press("Escape")
    expect(saved(page)).to_have_text(["Before"])
    run_query(page, "SELECT Name FROM Account LIMIT 1")
    expect(status(page)).to_have_text("1 row.")
    press(page, button(page, "Delete Before"))
    expect(saved(page)).to_have_count(0)


def test_without_storage_the_explorer_goes_on(page, axonify, screenshot):
    """A browser that keeps nothing: the page says so, offers no saving, and runs queries."""
    page.add_init_script(
        """for (const name of ["localStorage", "sessionStorage"]) {
            Object.defineProperty(window, name, { get() { throw new DOMException("Denied", "SecurityError"); } });
        }"""
    )
    sign_in(page, axonify, axonify.users[0])
    expect(page.get_by_text("This browser keeps nothing for this site")).to_be_visible()
    expect(button(page, "Save query")).to_have_count(0)
    run_query(page, "SELECT Name FROM Account LIMIT 2")
    expect(status(page)).to_have_text("2 rows.")
    screenshot(page, "explorer-no-storage")


def test_broken_storage_is_nothing(explorer):
    """What somebody else wrote in the queries' place is not taken for queries."""
    page = explorer
    for content in ("{", "7", '[null, 7, {"name": "a"}, {"name": "", "soql": "b"}, {"name": "Good", "soql": "c"}]'):
        page.evaluate(
            """content => {
                for (const list of ["saved", "recent"]) localStorage.setItem(
                    `formation.${list}-queries.` + document.getElementById("explorer").dataset.person, content);
            }""",
            content,
        )
        page.reload()
        expect(saved(page)).to_have_text(["Good"] if "Good" in content else [])
        run_query(page, "SELECT Name FROM Account LIMIT 1")
        expect(status(page)).to_have_text("1 row.")


# What may go wrong


def test_ended_session_leads_back_with_the_query(context, page, axonify):
    """The page says what happened, and after signing in again the query is still there."""
    person = axonify.users[0]
    sign_in(page, axonify, person)
    context.clear_cookies()
    soql = "SELECT Name FROM Account LIMIT 4"
    run_query(page, soql)
    expect(page.get_by_role("alert")).to_contain_text("You are no longer signed in.")
    press(page, page.get_by_role("link", name="Sign in again"))
    log_in_at_salesforce(page, person)
    consent(page)
    expect(query_field(page)).to_have_value(soql)
    page.reload()
    expect(query_field(page)).not_to_have_value(soql)


@pytest.mark.parametrize(
    ("code", "retry_after", "words"),
    [
        (429, "1", r"Try again in 1 second, at \d"),
        (503, "30", r"Try again in 30 seconds, at \d"),
        (503, "600", r"Try again in 10 minutes, at \d"),
        (503, "Fri, 31 Dec 2999 23:59:59 GMT", r"Try again in [\d,]+ minutes, at \d"),
        (429, None, r"Try again in a moment\."),
        (503, "soon", r"Try again in a moment\."),
    ],
)
def test_busy_answers_say_when_to_come_again(explorer, code, retry_after, words):
    """From Retry-After, in both of its forms."""
    headers = {"Retry-After": retry_after} if retry_after else {}
    problem = [{"message": "Too much at once.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]
    explorer.route(QUERIES, lambda route: route.fulfill(status=code, json=problem, headers=headers))
    run_query(explorer, "SELECT Id FROM Account")
    alert = explorer.get_by_role("alert")
    expect(alert).to_contain_text("Too much at once.")
    expect(alert).to_contain_text(re.compile(words))


def test_query_that_is_too_long_is_said(explorer):
    """Whoever refuses its address, the page puts it in words."""
    run_query(explorer, "SELECT Id FROM Account WHERE Name = '" + "x" * 90_000 + "'")
    expect(explorer.get_by_role("alert")).to_contain_text("too long")


def test_answers_that_are_no_answers(explorer):
    """Something between the two, such as a company's proxy, says something else."""
    page = explorer
    page.route(QUERIES, lambda route: route.fulfill(body="<p>Hello"))
    run_query(page, "SELECT Id FROM Account")
    expect(page.get_by_role("alert")).to_contain_text("The answer could not be read.")
    page.unroute(QUERIES)
    answer_with(page, [{"Id": "1"}], done=False, nextRecordsUrl="https://elsewhere.example/services/data/")
    run_query(page, "SELECT Id FROM Account")
    expect(page.get_by_role("alert")).to_contain_text("does not say where the next rows are")


def test_newer_query_takes_the_place_of_one_that_runs(explorer):
    """An answer that comes late changes nothing."""
    page = explorer
    waiting = []
    page.route(re.compile("query.*Contact"), lambda route: waiting.append(route))
    run_query(page, "SELECT Name FROM Contact LIMIT 1")
    expect(status(page)).to_have_text("Running …")
    run_query(page, "SELECT Name FROM Account LIMIT 2")
    expect(status(page)).to_have_text("2 rows.")
    expect(page.locator("#recent-list button")).to_have_text(["SELECT Name FROM Account LIMIT 2"])


def test_query_that_runs_can_be_stopped(explorer):
    """Nothing comes of it, and what was shown before stays."""
    page = explorer
    run_query(page, "SELECT Name FROM Account LIMIT 2")
    expect(status(page)).to_have_text("2 rows.")
    # An answer that never comes.
    page.route(re.compile("query.*Contact"), lambda route: None)
    query_field(page).fill(CONTACTS)
    query_field(page).press("ControlOrMeta+Enter")
    expect(button(page, "Stop")).to_be_visible()
    press(page, button(page, "Stop"))
    expect(status(page)).to_have_text("2 rows.")
    expect(query_field(page)).to_be_focused()
    expect(button(page, "Stop")).to_have_count(0)
    expect(page.get_by_role("table").get_by_role("row")).to_have_count(3)


def test_without_script_the_page_says_so(new_context, explorer):
    """Nothing of the explorer is there that would do nothing."""
    context = new_context(java_script_enabled=False)
    context.add_cookies(explorer.context.cookies())
    page = context.new_page()
    page.goto(explorer.url)
    # Playwright finds no text in there.
    expect(page.locator("noscript .notice")).to_be_visible()
    for name in ("Run query", "Save query", "Download CSV", "Undo", "Cancel", "Next"):
        expect(button(page, name)).to_have_count(0)


# How it looks


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_explorer_is_accessible(new_context, axonify, screenshot, width, scheme):
    """With everything open axe finds nothing, nothing scrolls sideways, and the browser has no complaint."""
    page = new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
    sign_in(page, axonify, axonify.users[0])
    complaints = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    for name in ("All contacts", "Accounts of all industries, by revenue, with their website"):
        save_query(page, name)
    run_query(page, CONTACTS)
    expect(status(page)).to_contain_text("Rows 1 to 2,000")
    screenshot(page, f"explorer-pages-{width}-{scheme}")
    children = "(SELECT Id, LastName FROM Contacts)"
    run_query(page, f"SELECT Id, Name, Website, AnnualRevenue, {children} FROM Account LIMIT 30")
    expect(status(page)).to_have_text("30 rows.")
    page.get_by_role("button", name=re.compile(r"^\d+ rows?$")).first.click()
    page.evaluate("document.querySelectorAll('details').forEach(element => element.open = true)")
    button(page, "Save query").click()
    button(page, "Rename All contacts").click()
    screenshot(page, f"explorer-open-{width}-{scheme}")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    run_query(page, "SELECT Nonsense__c FROM Account")
    expect(page.locator("#explorer-error")).to_be_visible()
    assert violations(page) == []
    # The browser itself notes every answer whose status is 400 or more.
    assert [text for text in complaints if "the server responded with a status of" not in text] == []


@pytest.mark.parametrize("width", [2560, 3840])
def test_explorer_uses_a_large_screen(new_context, axonify, screenshot, width):
    """Rows get more room than text, and the page keeps a measure all the same."""
    page = new_context(viewport={"width": width, "height": 1400}).new_page()
    sign_in(page, axonify, axonify.users[0])
    run_query(page, CONTACTS)
    expect(status(page)).to_contain_text("Rows 1 to 2,000")
    screenshot(page, f"explorer-{width}")
    assert 1200 < page.get_by_role("region", name="Query result").bounding_box()["width"] <= 1920
