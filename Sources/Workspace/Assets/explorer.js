// The query explorer: runs a SOQL query on this host, shows its rows page by page, and saves all of them as a file.
(() => {
  const root = document.getElementById("explorer");
  if (!root) return;
  const element = (id) => document.getElementById(id);
  const form = element("query-form");
  const soql = element("soql");
  const status = element("explorer-status");
  const error = element("explorer-error");
  const tools = element("explorer-tools");
  const pager = element("explorer-pager");
  const previous = element("page-previous");
  const next = element("page-next");
  const save = element("download");
  const progress = element("download-progress");
  const progressText = element("download-text");
  const progressBar = element("download-bar");
  const downloaded = element("download-status");
  const region = element("explorer-result");
  const stop = element("explorer-stop");
  const grid = new Grid(root.dataset.recordOrigin ?? null);
  const draftKey = "formation.draft." + root.dataset.person;

  // What is shown: a query's result, which page of it, and what is said of it.
  let result = null;
  let shown = 0;
  let words = "";
  // The question that has not been answered yet, and the file that is being made.
  let asking = null;
  let saving = null;

  root.hidden = false;
  restoreDraft();

  const shelf = new Shelf(root.dataset.person, {
    text: () => soql.value.trim(),
    run: (text) => {
      soql.value = text;
      start();
    },
  });

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    start();
  });

  soql.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    form.requestSubmit();
  });

  for (const example of form.querySelectorAll("button[data-soql]")) {
    example.addEventListener("click", () => {
      shelf.opened("");
      soql.value = example.dataset.soql;
      start();
    });
  }

  previous.addEventListener("click", () => turn(shown - 1));
  next.addEventListener("click", () => turn(shown + 1));
  stop.addEventListener("click", () => {
    asking?.abort();
    answered();
    status.textContent = result ? words : "Stopped.";
  });
  save.addEventListener("click", () => download());
  element("download-cancel").addEventListener("click", () => saving?.abort());

  function start() {
    const text = soql.value.trim();
    if (text) open(new QueryResult(text, root.dataset.queryPath + "?q=" + encodeURIComponent(text)), 0);
  }

  function turn(index) {
    if (result?.has(index)) open(result, index);
  }

  // A newer question takes the place of one that was not answered yet.
  async function open(wanted, index) {
    asking?.abort();
    const controller = new AbortController();
    asking = controller;
    stop.hidden = false;
    region.setAttribute("aria-busy", "true");
    error.hidden = true;
    status.textContent = wanted === result ? "Reading rows …" : "Running …";
    try {
      const page = await wanted.read(index, controller.signal);
      if (controller !== asking) return;
      if (wanted !== result) shelf.ran(wanted.soql);
      show(wanted, index, page);
    } catch (problem) {
      if (controller !== asking) return;
      // What was shown stays where it is only more of the same that failed.
      if (wanted === result) status.textContent = words;
      else clear();
      explain(problem);
    } finally {
      if (controller === asking) answered();
    }
  }

  function answered() {
    const hadFocus = document.activeElement === stop;
    asking = null;
    stop.hidden = true;
    region.removeAttribute("aria-busy");
    if (hadFocus) soql.focus();
  }

  function show(wanted, index, page) {
    result = wanted;
    shown = index;
    region.hidden = page.rows.length === 0;
    region.replaceChildren(
      ...(page.rows.length ? [grid.table(page.rows, wanted.columns, page.first, "Rows of the query")] : []));
    region.scrollTo(0, 0);
    words = status.textContent = wanted.words(page);
    tools.hidden = page.rows.length === 0;
    pager.hidden = !wanted.has(1);
    setDisabled(previous, !wanted.has(index - 1));
    setDisabled(next, !wanted.has(index + 1));
    save.textContent = new Download(wanted, new Date()).label;
    if (!saving) downloaded.textContent = "";
    // The first rows should be seen without hiding the query.
    const isBelow = region.getBoundingClientRect().top > window.innerHeight * 0.75;
    if (isBelow && page.rows.length) status.scrollIntoView({ block: "center" });
  }

  function clear() {
    result = null;
    region.hidden = tools.hidden = true;
    region.replaceChildren();
    status.textContent = "";
    if (!saving) downloaded.textContent = "";
  }

  // One file at a time; meanwhile the page can be used, for other queries too.
  async function download() {
    if (saving || !result) return;
    const file = new Download(result, new Date());
    const controller = new AbortController();
    saving = controller;
    let read = 0;
    setDisabled(save, true);
    downloaded.textContent = "";
    error.hidden = true;
    progress.hidden = false;
    const tell = (count) => {
      read = count;
      progressBar.max = file.rowsExpected;
      progressBar.value = count;
      progressText.textContent =
        file.fileName + ": " + counts.format(count) + " of " + countOf(file.rowsExpected, "row") + " read";
    };
    tell(0);
    try {
      const count = await file.run(controller.signal, tell);
      downloaded.textContent = countOf(count, "row") + " saved as " + file.fileName + ".";
    } catch (problem) {
      const place = "after " + counts.format(read) + " of " + countOf(file.rowsExpected, "row");
      if (controller.signal.aborted) {
        downloaded.textContent = "The download was cancelled " + place + ". No file was saved.";
      } else explain(problem, "The download stopped " + place + ", so no file was saved.");
    } finally {
      const hadFocus = progress.contains(document.activeElement);
      saving = null;
      progress.hidden = true;
      setDisabled(save, false);
      if (hadFocus) save.focus();
    }
  }

  // before: what it did to something that was under way.
  function explain(problem, before = "") {
    const known = problem instanceof QueryProblem;
    const message = known ? problem.message : "Something went wrong in this page.";
    const parts = before ? [make("p", { textContent: before })] : [];
    // Salesforce points at the place in the query by a line of its own.
    parts.push(make("p", { textContent: message, className: message.includes("\n") ? "source" : "" }));
    if (problem.mustSignIn) {
      const link = make("a", { href: "/auth/login", textContent: "Sign in again" });
      link.addEventListener("click", keepDraft);
      parts.push(make("p", {}, link, " Your query will still be here."));
    }
    const hint = known ? problem.hint : "Load it again.";
    if (hint) parts.push(make("p", { textContent: hint }));
    if (problem.details) parts.push(make("p", { textContent: problem.details, className: "detail" }));
    error.replaceChildren(...parts);
    error.hidden = false;
    error.scrollIntoView({ block: "nearest" });
  }

  // The way through Salesforce's login page leads back to this page, for the same person in the same tab.
  function keepDraft() {
    try {
      window.sessionStorage.setItem(draftKey, soql.value);
    } catch (problem) {
      // Then it is typed again.
    }
  }

  function restoreDraft() {
    try {
      const draft = window.sessionStorage.getItem(draftKey);
      window.sessionStorage.removeItem(draftKey);
      if (draft) soql.value = draft;
    } catch (problem) {
      // Nothing was kept.
    }
  }
})();
