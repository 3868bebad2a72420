// A button beside each snippet. The clipboard is there on https and localhost only; elsewhere the snippet is selected.
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
