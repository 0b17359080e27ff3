// Asks this host for rows, and puts into words what goes wrong.

// Something that a person can read, and do something about.
class QueryProblem extends Error {
  constructor(message, { hint = "", details = "", mustSignIn = false } = {}) {
    super(message);
    this.hint = hint;
    this.details = details;
    this.mustSignIn = mustSignIn;
  }
}

// The answer to a query, or to the address of its next rows, and its length in characters.
async function askForRows(path, signal) {
  let answer, text;
  try {
    answer = await fetch(path, { credentials: "same-origin", headers: { Accept: "application/json" }, signal });
    text = await answer.text();
  } catch (error) {
    if (signal.aborted) throw error;
    throw new QueryProblem("The workspace could not be reached.", { hint: "Check your connection, then try again." });
  }
  const body = parsedOrNull(text);
  if (answer.ok && Array.isArray(body?.records)) return { body, size: text.length };
  throw problemOf(answer, body);
}

function parsedOrNull(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    return null;
  }
}

// Salesforce and the gateway say errors in the same form: [{"message", "errorCode"}].
function problemOf(answer, body) {
  const first = Array.isArray(body) ? body[0] : body;
  const said = typeof first?.message === "string" ? first.message.replace(/^\n+|\s+$/g, "") : "";
  const code = typeof first?.errorCode === "string" ? first.errorCode : null;
  const id = answer.headers.get("X-Request-Id");
  const details = [code, id && "request id " + id].filter(Boolean).join(" · ");
  if (answer.status === 401) {
    return new QueryProblem("You are no longer signed in.", { details, mustSignIn: true });
  }
  if (code === "INVALID_QUERY_LOCATOR") {
    return new QueryProblem("Salesforce no longer keeps these rows.", { hint: "Run the query again.", details });
  }
  if (answer.status === 414 || answer.status === 431) {
    return new QueryProblem("This query is too long to be sent.", { hint: "Shorten it, then run it again.", details });
  }
  const fallback = answer.ok ? "The answer could not be read." : "The query failed with status " + answer.status + ".";
  return new QueryProblem(said || fallback, { hint: whenToRetry(answer), details });
}

// What Retry-After says, in seconds or as a date.
function whenToRetry(answer) {
  const value = answer.headers.get("Retry-After");
  const isBusy = answer.status === 429 || answer.status === 503;
  if (!value) return isBusy ? "Try again in a moment." : "";
  const wait = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  if (!Number.isFinite(wait)) return "Try again in a moment.";
  const seconds = Math.max(1, Math.ceil(wait));
  const at = new Date(Date.now() + seconds * 1000).toLocaleTimeString();
  const long = seconds < 120 ? countOf(seconds, "second") : countOf(Math.ceil(seconds / 60), "minute");
  return "Try again in " + long + ", at " + at + ".";
}
