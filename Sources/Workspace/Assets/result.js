// The rows of one query, page by page. Pages that were read are kept: going back to one asks nobody.
class QueryResult {
  // What is kept of the answers, in characters. Beyond it the pages that are furthest away are read again.
  static keptMax = 100_000_000;

  soql;
  columns = new Columns();
  total = 0;
  // What Salesforce calls the records.
  type = null;
  #pages;
  #kept = 0;

  constructor(soql, path) {
    this.soql = soql;
    this.#pages = [{ path, first: 0, rows: null, size: 0 }];
  }

  has(index) {
    return index >= 0 && index < this.#pages.length;
  }

  // A page: its rows, and how many come before them.
  async read(index, signal) {
    const page = this.#pages[index];
    if (page.rows) return page;
    const { body, size } = await askForRows(page.path, signal);
    const next = localPath(body.nextRecordsUrl);
    if (body.done === false && !next) throw new QueryProblem("Salesforce does not say where the next rows are.");
    const rows = body.records.map(flatten);
    for (const row of rows) this.columns.add(row);
    if (index === 0) {
      this.total = typeof body.totalSize === "number" ? body.totalSize : rows.length;
      this.type = body.records[0]?.attributes?.type ?? null;
    }
    if (next && index + 1 === this.#pages.length) {
      this.#pages.push({ path: next, first: page.first + rows.length, rows: null, size: 0 });
    }
    this.#keep(page, rows, size);
    return { first: page.first, rows, size };
  }

  // "Rows 1 to 2,000 of 5,412."
  words({ first, rows }) {
    if (rows.length === 0) return this.total === 0 ? "No rows." : countOf(this.total, "row") + " counted.";
    if (first === 0 && !this.has(1)) return countOf(rows.length, "row") + ".";
    const last = first + rows.length;
    return "Rows " + counts.format(first + 1) + " to " + counts.format(last) + " of " + counts.format(this.total) + ".";
  }

  #keep(page, rows, size) {
    if (!page.rows) this.#kept += size;
    page.rows = rows;
    page.size = size;
    const byDistance = this.#pages.filter((other) => other.rows && other !== page);
    byDistance.sort((one, other) => Math.abs(other.first - page.first) - Math.abs(one.first - page.first));
    for (const other of byDistance) {
      if (this.#kept <= QueryResult.keptMax) break;
      this.#kept -= other.size;
      other.rows = null;
    }
  }
}

// Only a path of Salesforce's data API on this host: never another host, whatever an answer says.
function localPath(path) {
  return typeof path === "string" && path.startsWith("/services/data/") ? path : null;
}
