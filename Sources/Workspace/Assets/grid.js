// Rows as a table. Columns get their widths from what is in them beforehand: to let the browser find them would cost
// it seconds where there are many. The first rows are there at once, the others follow while the page can be used.
class Grid {
  // Text that is longer is folded.
  static shownMax = 200;
  // The widest column, in digits. A date or an id fits in; longer text wraps.
  static widthMax = 48;
  // How many cells are made at a time, and rows at the least.
  static chunkCells = 3000;
  static chunkRowsMin = 20;

  #recordOrigin;

  // recordOrigin: where the org shows its records; null where the page does not know it.
  constructor(recordOrigin) {
    this.#recordOrigin = recordOrigin;
  }

  // first: how many rows come before these. fills: whether the table is as wide as its box at the least.
  table(rows, columns, first, title, fills = true) {
    const fields = columns.names.map((name) => fieldOf(name, rows));
    const table = make("table", {});
    table.append(make("caption", { className: "visually-hidden", textContent: title }));
    const widths = [counts.format(first + rows.length).length - 1, ...fields.map((field) => field.width)];
    table.append(columnsOf(widths, fills));
    const head = table.createTHead().insertRow();
    head.append(make("td", { className: "row-number" }));
    for (const { name, isNumeric } of fields) {
      head.append(make("th", { scope: "col", className: isNumeric ? "number" : "", textContent: name }));
    }
    this.#fill(table, rows, fields, first, 0);
    return table;
  }

  // Goes on by itself until all rows are there, or the table is no longer shown.
  #fill(table, rows, fields, first, start) {
    const body = make("tbody", {});
    // Even, since every other row has another ground.
    const next = start + Math.max(Grid.chunkRowsMin, 2 * Math.floor(Grid.chunkCells / (fields.length + 1) / 2));
    for (let index = start; index < Math.min(next, rows.length); index++) {
      const number = counts.format(first + index + 1);
      const line = make("tr", {}, make("th", { scope: "row", className: "row-number", textContent: number }));
      for (const { name, isNumeric } of fields) line.append(this.#cell(name, rows[index].get(name), isNumeric));
      body.append(line);
    }
    table.append(body);
    if (next >= rows.length) return;
    setTimeout(() => {
      if (table.isConnected) this.#fill(table, rows, fields, first, next);
    });
  }

  #cell(name, value, isNumeric) {
    const cell = document.createElement("td");
    if (isNumeric) cell.className = "number";
    if (value === null || value === undefined) {
      cell.textContent = "–";
      cell.classList.add("nothing");
    } else if (value instanceof ChildRows) {
      cell.append(value.rows.length ? this.#unfolder(name, value) : value.words);
    } else if (this.#recordOrigin && isRecordID(name, value)) {
      cell.append(this.#link(value));
    } else {
      const text = shownText(value);
      if (text.length > Grid.shownMax) cell.append(this.#fold(text));
      else cell.textContent = text;
    }
    return cell;
  }

  #link(id) {
    return make("a", {
      href: this.#recordOrigin + "/" + id, target: "_blank", rel: "noopener noreferrer", textContent: id,
      title: "Open in Salesforce",
    });
  }

  // Most folds are never opened, so what is in them is made when they are.
  #fold(text) {
    const summary = make("summary", { textContent: startOf(text) });
    const details = make("details", {}, summary);
    details.addEventListener("toggle", () => {
      summary.textContent = details.open ? "Show less" : startOf(text);
      if (details.children.length === 1) details.append(make("p", { className: "whole", textContent: text }));
    });
    return details;
  }

  // Shows the rows of a sub-query in a row of their own, below the one that they belong to.
  #unfolder(name, children) {
    let line = null;
    const button = linkButton(children.words, () => {
      button.setAttribute("aria-expanded", String(!line));
      if (line) {
        line.remove();
        line = null;
        return;
      }
      const table = this.table(children.rows, children.columns, 0, name, false);
      const row = button.closest("tr");
      line = make("tr", { className: "child-rows" }, make("td", { colSpan: row.cells.length }, table));
      row.after(line);
    });
    button.setAttribute("aria-expanded", "false");
    return button;
  }
}

// A column's name, whether all in it are numbers, and its width in digits.
function fieldOf(name, rows) {
  let longest = name.length;
  let numbersFound = 0;
  let othersFound = 0;
  for (const row of rows) {
    const value = row.get(name);
    if (value === null || value === undefined) continue;
    if (typeof value === "number") numbersFound++;
    else othersFound++;
    longest = Math.max(longest, widthOf(value));
  }
  return { name, isNumeric: numbersFound > 0 && othersFound === 0, width: Math.min(longest, Grid.widthMax) };
}

// The last column takes the room that is left in the box, so that no other is stretched.
function columnsOf(widths, fills) {
  const lengths = widths.map((width) => "(" + (width + 1) + "ch + 1.75rem)");
  const last = lengths.pop();
  lengths.push(fills ? "max(" + last + ", 100cqw - " + lengths.join(" - ") + ")" : last);
  return make("colgroup", {}, ...lengths.map((length) => {
    const column = make("col", {});
    column.style.width = "calc(" + length + ")";
    return column;
  }));
}

// Close enough, and much cheaper than to write all numbers.
function widthOf(value) {
  if (value instanceof ChildRows) return value.words.length + 2;
  const length = String(value).length;
  return typeof value === "number" ? Math.ceil(length * 4 / 3) : length;
}

function shownText(value) {
  if (value instanceof ChildRows) return value.words;
  return typeof value === "number" ? numbers.format(value) : String(value);
}

function isRecordID(name, value) {
  return name.endsWith("Id") && typeof value === "string" && /^[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?$/.test(value);
}

// Never half of a character that takes two places.
function startOf(text) {
  return text.slice(0, Grid.shownMax - 40).replace(/[\uD800-\uDBFF]$/, "") + " …";
}
