// What the pages do with a script; each part is for the page that has its elements.
"use strict";

// The query explorer: runs a SOQL query on this host and shows its rows. Text is only ever set as text.
(() => {
  const form = document.getElementById("explorer");
  if (!form) return;
  const soql = document.getElementById("soql");
  const status = document.getElementById("explorer-status");
  const error = document.getElementById("explorer-error");
  const result = document.getElementById("explorer-result");
  const next = document.getElementById("explorer-next");
  const run = form.querySelector("button[type=submit]");
  // All digits that the answer has, and no separator in what may be a year.
  const numbers = new Intl.NumberFormat("en", { useGrouping: "min2", maximumFractionDigits: 20 });
  let running = null;
  let nextPath = null;
  let shown = 0;

  form.hidden = false;

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
      soql.value = example.dataset.soql;
      start();
    });
  }

  next.addEventListener("click", () => {
    if (nextPath) load(nextPath, shown);
  });

  function start() {
    load(form.dataset.queryPath + "?q=" + encodeURIComponent(soql.value.trim()), 0);
  }

  // A newer query takes the place of one that still runs.
  async function load(path, before) {
    if (running) running.abort();
    const controller = new AbortController();
    running = controller;
    run.setAttribute("aria-disabled", "true");
    error.hidden = true;
    status.textContent = "Running …";
    try {
      const answer = await fetch(path, {
        credentials: "same-origin",
        headers: { Accept: "application/json" },
        signal: controller.signal,
      });
      const body = await answer.json().catch(() => null);
      if (controller !== running) return;
      if (answer.ok && body && Array.isArray(body.records)) show(body, before);
      else fail(answer, body);
    } catch (problem) {
      if (controller !== running) return;
      explain("The workspace could not be reached.", "Check your connection, then run the query again.");
    } finally {
      if (controller === running) {
        running = null;
        run.removeAttribute("aria-disabled");
      }
    }
  }

  function show(body, before) {
    const rows = body.records.map((record) => flatten(record, "", new Map()));
    shown = before + rows.length;
    nextPath = localPath(body.nextRecordsUrl);
    next.hidden = !nextPath;
    result.replaceChildren(...(rows.length ? [table(rows)] : []));
    result.hidden = rows.length === 0;
    result.scrollTop = 0;
    status.textContent = count(body, before, rows.length);
  }

  function count(body, before, length) {
    const total = typeof body.totalSize === "number" ? body.totalSize : length;
    if (length === 0) return total === 0 ? "No rows." : numbers.format(total) + (total === 1 ? " row counted." : " rows counted.");
    if (before === 0 && length >= total) return numbers.format(length) + (length === 1 ? " row." : " rows.");
    return "Rows " + numbers.format(before + 1) + " to " + numbers.format(before + length) + " of " + numbers.format(total) + ".";
  }

  // Only a path of Salesforce's data API on this host: never another host, whatever the answer says.
  function localPath(path) {
    return typeof path === "string" && path.startsWith("/services/data/") ? path : null;
  }

  // One row as name and value pairs: Account.Name for a parent's field, a count for child rows.
  function flatten(record, prefix, row) {
    for (const [name, value] of Object.entries(record)) {
      if (name === "attributes") continue;
      if (value === null || typeof value !== "object") row.set(prefix + name, value);
      else if (Array.isArray(value.records)) row.set(prefix + name, numbers.format(value.totalSize ?? value.records.length) + " rows");
      else if (Array.isArray(value)) row.set(prefix + name, value.join(", "));
      else flatten(value, prefix + name + ".", row);
    }
    return row;
  }

  // In the order of the query; a parent that is missing in some rows is not a column beside its own fields.
  function columns(rows) {
    const names = new Set();
    for (const row of rows) for (const name of row.keys()) names.add(name);
    const all = [...names];
    return all.filter((name) => !all.some((other) => other.startsWith(name + ".")));
  }

  function table(rows) {
    const names = columns(rows);
    const table = document.createElement("table");
    const caption = table.createCaption();
    caption.className = "visually-hidden";
    caption.textContent = "Rows of the query";
    const head = table.createTHead().insertRow();
    const isNumeric = new Map(names.map((name) => [name, rows.every((row) => isNumberOrNothing(row.get(name)))]));
    for (const name of names) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.textContent = name;
      if (isNumeric.get(name)) cell.className = "number";
      head.append(cell);
    }
    const content = table.createTBody();
    for (const row of rows) {
      const line = content.insertRow();
      for (const name of names) fill(line.insertCell(), row.get(name), isNumeric.get(name));
    }
    return table;
  }

  function isNumberOrNothing(value) {
    return value === null || value === undefined || typeof value === "number";
  }

  function fill(cell, value, isNumber) {
    if (isNumber) cell.className = "number";
    if (value === null || value === undefined) {
      cell.textContent = "–";
      cell.classList.add("nothing");
    } else {
      cell.textContent = typeof value === "number" ? numbers.format(value) : String(value);
      // A date or an id in two lines is hard to read; longer text may wrap.
      if (cell.textContent.length <= 24) cell.classList.add("short");
    }
  }

  // Salesforce and the gateway say errors in the same form: [{"message", "errorCode"}].
  function fail(answer, body) {
    const first = Array.isArray(body) ? body[0] : body;
    const said = first && typeof first.message === "string" ? first.message : "The query failed with status " + answer.status + ".";
    const message = answer.status === 401 ? "You are no longer signed in." : said;
    const code = first && typeof first.errorCode === "string" ? first.errorCode : null;
    const id = answer.headers.get("X-Request-Id");
    const details = [code, id && "request id " + id].filter(Boolean).join(" · ");
    explain(message, details, answer.status === 401);
  }

  function explain(message, details, mustSignIn) {
    nextPath = null;
    next.hidden = true;
    result.hidden = true;
    result.replaceChildren();
    status.textContent = "";
    // Salesforce points at the place in the query by a line of its own.
    const parts = [paragraph(message.replace(/^\n+|\s+$/g, ""), message.includes("\n") ? "source" : "")];
    if (mustSignIn) {
      const link = document.createElement("a");
      link.href = "/auth/login";
      link.textContent = "Sign in again";
      const line = paragraph("", "");
      line.append(link);
      parts.push(line);
    }
    if (details) parts.push(paragraph(details, "detail"));
    error.replaceChildren(...parts);
    error.hidden = false;
  }

  function paragraph(text, className) {
    const element = document.createElement("p");
    element.textContent = text;
    if (className) element.className = className;
    return element;
  }
})();

// Copies a new access key. Without this the text field beside it is enough.
(() => {
  const button = document.querySelector("button[data-copy]");
  if (!button || !navigator.clipboard) return;
  const field = document.getElementById(button.dataset.copy);
  const status = document.getElementById("copy-status");

  button.hidden = false;

  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(field.value);
      status.textContent = "Copied.";
    } catch (problem) {
      field.focus();
      field.select();
      status.textContent = "The browser does not allow copying. The key is selected: copy it yourself.";
    }
  });
})();
