// Adds a copy button beside each snippet. Browsers offer the clipboard on https and localhost only; elsewhere the
// button selects the snippet.
for (const snippet of document.querySelectorAll("pre[data-copy]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = snippet.dataset.copy;
  button.addEventListener("click", async () => {
    getSelection().selectAllChildren(snippet);
    if (!navigator.clipboard) return;
    await navigator.clipboard.writeText(snippet.textContent);
    button.textContent = snippet.dataset.copied;
  });
  snippet.after(button);
}
