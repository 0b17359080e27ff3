// Rows as CSV (RFC 4180), so that a spreadsheet shows what Salesforce holds and runs none of it.
const csv = {
  // Without it Excel takes the text for another encoding.
  byteOrderMark: "\uFEFF",

  line(values) {
    return values.map(csv.field).join(",") + "\r\n";
  },

  field(value) {
    if (value === null || value === undefined) return "";
    if (value instanceof ChildRows) return csv.quoted(JSON.stringify(value.rows.map(csv.plain)));
    // What is a number stays one, negative ones too.
    if (typeof value !== "string") return String(value);
    const text = csv.isFormula(value) ? "'" + value : value;
    return /[",;\t\r\n]|^\s|\s$/.test(text) ? csv.quoted(text) : text;
  },

  // https://owasp.org/www-community/attacks/CSV_Injection; the wide forms count where Japanese is typed.
  isFormula(text) {
    return /^[=+\-@\t\r\n＝＋－＠]/.test(text) && !/^[+-]?\d+(\.\d+)?$/.test(text);
  },

  quoted(text) {
    return '"' + text.replaceAll('"', '""') + '"';
  },

  plain(row) {
    const plain = (value) => (value instanceof ChildRows ? value.rows.map(csv.plain) : value);
    return Object.fromEntries([...row].map(([name, value]) => [name, plain(value)]));
  },
};
