// Records as rows: a name and a value for each column.

// The rows of a sub-query in one row of its query.
class ChildRows {
  constructor(result) {
    this.rows = result.records.map(flatten);
    this.columns = new Columns();
    for (const row of this.rows) this.columns.add(row);
    this.total = typeof result.totalSize === "number" ? result.totalSize : this.rows.length;
    this.isWhole = !result.nextRecordsUrl && result.done !== false;
  }

  get words() {
    const all = countOf(this.total, "row");
    return this.isWhole ? all : counts.format(this.rows.length) + " of " + all;
  }
}

// One record: Account.Name for a parent's field, ChildRows for a sub-query.
function flatten(record) {
  const row = new Map();
  addFields(record, "", row);
  return row;
}

function addFields(record, prefix, row) {
  for (const [name, value] of Object.entries(record)) {
    if (name === "attributes") continue;
    if (value === null || typeof value !== "object") row.set(prefix + name, value);
    else if (Array.isArray(value.records)) row.set(prefix + name, new ChildRows(value));
    else if (Array.isArray(value)) row.set(prefix + name, value.join(", "));
    else addFields(value, prefix + name + ".", row);
  }
}

// The columns of all rows that were seen, in the order of the query: Salesforce leaves out a parent's fields where
// there is no parent, so a column that a later row adds takes the place that it has in that row.
class Columns {
  #all = [];
  #known = new Set();
  #names = null;

  add(row) {
    let previous = null;
    for (const name of row.keys()) {
      if (!this.#known.has(name)) {
        this.#known.add(name);
        this.#all.splice(previous === null ? 0 : this.#all.indexOf(previous) + 1, 0, name);
        this.#names = null;
      }
      previous = name;
    }
  }

  // A parent that is missing in some rows is not a column beside its own fields.
  get names() {
    this.#names ??= this.#all.filter((name) => !this.#all.some((other) => other.startsWith(name + ".")));
    return this.#names;
  }
}
