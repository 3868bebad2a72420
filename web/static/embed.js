// The page for frames: one element, whose attributes come from the page's address. `endpoint` is left out, as an
// address must not choose where questions go.
const ATTRIBUTES = ["label", "placeholder", "theme", "lang", "k", "articles", "authors", "publishers", "years"];
const page = document.documentElement;
const element = document.createElement("pull-quote");
for (const [name, value] of new URLSearchParams(location.search)) {
  if (ATTRIBUTES.includes(name)) element.setAttribute(name, value);
}
const theme = element.getAttribute("theme");
if (theme === "light" || theme === "dark") page.style.colorScheme = theme;
document.querySelector("main").append(element);

// "*" is safe: a height is no secret, and only listed sites may frame this page.
new ResizeObserver(() => {
  parent.postMessage({ type: "pullquote-height", height: Math.ceil(page.getBoundingClientRect().height) }, "*");
}).observe(page);
