// Adds a copy button behind each quotation that is ready to be copied; without a script it can still be selected.

const main = document.querySelector("main.evidence");
const spoken = document.querySelector("[role=status]");

for (const field of main.querySelectorAll("textarea")) field.after(copyButton(field));

function copyButton(field) {
  const button = document.createElement("button");
  button.type = "button";
  reset(button, field);
  button.addEventListener("click", async () => {
    const told = (await copied(field)) ? main.dataset.copied : main.dataset.press;
    button.textContent = told;
    button.removeAttribute("aria-label");
    spoken.textContent = told;
    setTimeout(reset, 4000, button, field);
  });
  return button;
}

function reset(button, field) {
  button.textContent = main.dataset.copy;
  button.setAttribute("aria-label", `${main.dataset.copy}: ${field.labels[0].textContent}`);
  spoken.textContent = "";
}

// Pages that do not come over https have no clipboard: there the older command does it, or the person does.
async function copied(field) {
  field.select();
  if (!navigator.clipboard) return document.execCommand("copy");
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    return document.execCommand("copy");
  }
}
