// The page for frames: one element, told by the page's address how to look and what to search. Where it asks is not
// for an address to say: `endpoint` is left out.
const TOLD = ["label", "placeholder", "theme", "lang", "k", "articles", "authors", "publishers", "years"];
const page = document.documentElement;
const element = document.createElement("pull-quote");
for (const [name, value] of new URLSearchParams(location.search)) {
  if (TOLD.includes(name)) element.setAttribute(name, value);
}
const theme = element.getAttribute("theme");
if (theme === "light" || theme === "dark") page.style.colorScheme = theme;
document.querySelector("main").append(element);

// A height is no secret, and only listed sites may frame this page.
new ResizeObserver(() => {
  parent.postMessage({ type: "pullquote-height", height: Math.ceil(page.getBoundingClientRect().height) }, "*");
}).observe(page);
