// Signs in, lists accounts, and writes one: all that a page needs to use Salesforce through its workspace.
const api = "/services/data/v62.0";
const [who, table, form] = ["#who", "table", "form"].map((name) => document.querySelector(name));

/** Calls Salesforce as the person who is signed in; the browser sends the session's cookie itself. */
async function salesforce(path, options = {}) {
  const answer = await fetch(api + path, options);
  if (answer.status === 401) throw askToSignIn();
  const body = answer.status === 204 ? null : await answer.json();
  if (answer.ok) return body;
  // Salesforce's errors and the gateway's have one shape.
  throw new Error(body.map((error) => `${error.errorCode}: ${error.message}`).join("\n"));
}

/** Offers Salesforce's login page, which leads back to this one. */
function askToSignIn() {
  const link = document.querySelector("#in");
  link.firstChild.href = `/auth/login?return_to=${encodeURIComponent(location.pathname)}`;
  link.hidden = false;
  return new Error("You are not signed in.");
}

async function list() {
  const soql = "SELECT Id, Name, Industry FROM Account ORDER BY CreatedDate DESC LIMIT 20";
  const found = await salesforce(`/query?q=${encodeURIComponent(soql)}`);
  table.tBodies[0].replaceChildren(
    ...found.records.map((record) => {
      const row = document.createElement("tr");
      for (const text of [record.Name, record.Industry ?? ""]) row.insertCell().textContent = text;
      return row;
    }),
  );
}

async function add(event) {
  event.preventDefault();
  const Name = new FormData(form).get("name");
  await salesforce("/sobjects/Account", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ Name }),
  });
  form.reset();
  await list();
}

async function start() {
  const session = await fetch("/auth/session");
  if (session.status === 401) throw askToSignIn();
  const { user, customer } = await session.json();
  who.textContent = `${user.fullName}, ${customer.companyName}`;
  await list();
  for (const part of [table, form, document.querySelector("#out")]) part.hidden = false;
}

const fail = (error) => (who.textContent = error.message);
form.addEventListener("submit", (event) => add(event).catch(fail));
start().catch(fail);
