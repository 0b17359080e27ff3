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
