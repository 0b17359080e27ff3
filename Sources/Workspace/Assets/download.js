// All rows of a query as one file. A file is only made when all of its rows are there.
class Download {
  // Both limits are what a browser's tab holds without effort.
  static rowsMax = 50_000;
  static sizeMax = 200_000_000;

  #result;
  #now;

  constructor(result, now) {
    this.#result = result;
    this.#now = now;
  }

  // Whether the query has more rows than a file may have: the file's name says so too.
  get isCut() {
    return this.#result.total > Download.rowsMax;
  }

  get label() {
    return this.isCut ? "Download CSV (first " + counts.format(Download.rowsMax) + " rows)" : "Download CSV";
  }

  get fileName() {
    const day = [this.#now.getFullYear(), this.#now.getMonth() + 1, this.#now.getDate()];
    const date = day.map((part) => String(part).padStart(2, "0")).join("-");
    return objectName(this.#result) + "-" + date + (this.isCut ? "-first-" + Download.rowsMax : "") + ".csv";
  }

  get rowsExpected() {
    return Math.min(this.#result.total, Download.rowsMax);
  }

  // Reads what was not read yet. onProgress hears how many rows are there.
  async run(signal, onProgress) {
    const rows = [];
    let size = 0;
    for (let index = 0; this.#result.has(index) && rows.length < Download.rowsMax; index++) {
      const page = await this.#result.read(index, signal);
      size += page.size;
      if (size > Download.sizeMax) {
        throw new QueryProblem("The rows are too large for one file.", { hint: "Select fewer fields or fewer rows." });
      }
      for (const row of page.rows.slice(0, Download.rowsMax - rows.length)) rows.push(row);
      onProgress(rows.length);
    }
    const parts = await this.#written(rows, signal);
    offer(new Blob(parts, { type: "text/csv;charset=utf-8" }), this.fileName);
    return rows.length;
  }

  // In parts, between which the page can be used.
  async #written(rows, signal) {
    const names = this.#result.columns.names;
    const parts = [csv.byteOrderMark + csv.line(names)];
    const line = (row) => csv.line(names.map((name) => whole(row.get(name), name)));
    for (let start = 0; start < rows.length; start += 2000) {
      parts.push(rows.slice(start, start + 2000).map(line).join(""));
      await new Promise((resolve) => setTimeout(resolve));
      signal.throwIfAborted();
    }
    return parts;
  }
}

function whole(value, name) {
  if (!(value instanceof ChildRows)) return value;
  const broken = [...value.rows.flatMap((row) => [...row.values()]), value].some(
    (child) => child instanceof ChildRows && !child.isWhole);
  if (!broken) return value;
  throw new QueryProblem("A row has more rows of " + name + " than come with it.", {
    hint: "Query those rows by themselves to download all of them.",
  });
}

// The name in FROM, where the records have none of their own: those of an aggregate query.
function objectName(result) {
  if (result.type && result.type !== "AggregateResult") return result.type.replace(/\W/g, "");
  let soql = result.soql;
  for (let before = ""; before !== soql; ) {
    before = soql;
    soql = soql.replace(/'(?:\\.|[^'\\])*'|\([^()]*\)/g, " ");
  }
  return soql.match(/\bFROM\s+(\w+)/i)?.[1] ?? "query";
}

// Hands a file to the browser's downloads.
function offer(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = make("a", { href: url, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  // The browser has taken the file long before.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
