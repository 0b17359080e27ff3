// What the other parts share. The parts are one script: AssetStore joins them, inside one function of their own.

// All digits that an answer has, and no separator in what may be a year.
const numbers = new Intl.NumberFormat("en", { useGrouping: "min2", maximumFractionDigits: 20 });
const counts = new Intl.NumberFormat("en");

// An element with its properties and children. Strings become text, whatever is in them.
function make(name, properties, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

// A button that looks like a link.
function linkButton(text, action) {
  const button = make("button", { className: "link", type: "button", textContent: text });
  button.addEventListener("click", action);
  return button;
}

// "1 row", "2,000 rows"
function countOf(count, one) {
  return counts.format(count) + " " + one + (count === 1 ? "" : "s");
}

// A control that does nothing for now, and keeps the focus.
function setDisabled(button, isDisabled) {
  if (isDisabled) button.setAttribute("aria-disabled", "true");
  else button.removeAttribute("aria-disabled");
}

function isDisabled(button) {
  return button.getAttribute("aria-disabled") === "true";
}
