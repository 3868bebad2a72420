// Adds a copy button behind each quotation; without a script it can still be selected.

const main = document.querySelector("main.evidence");
const spoken = document.querySelector("[role=status]");

for (const field of main.querySelectorAll("textarea")) field.after(copyButton(field));

function copyButton(field) {
  const button = document.createElement("button");
  button.type = "button";
  reset(button, field);
  button.addEventListener("click", async () => {
    const message = (await copy(field)) ? main.dataset.copied : main.dataset.press;
    button.textContent = message;
    button.removeAttribute("aria-label");
    spoken.textContent = message;
    setTimeout(reset, 4000, button, field);
  });
  return button;
}

function reset(button, field) {
  button.textContent = main.dataset.copy;
  button.setAttribute("aria-label", `${main.dataset.copy}: ${field.labels[0].textContent}`);
  spoken.textContent = "";
}

// Without https a browser offers no clipboard: the older command copies, or else the person does.
async function copy(field) {
  field.select();
  if (!navigator.clipboard) return document.execCommand("copy");
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    return document.execCommand("copy");
  }
}
