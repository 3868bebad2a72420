// A link to a passage may have the fragment alone, "#c=40-95": the server never sees it, so the page is loaded again with the query.
const cited = decodeURIComponent(window.location.hash.slice(1));
if (/^c=\d+-\d+$/.test(cited)) {
  const target = document.getElementById(cited);
  if (target) {
    target.scrollIntoView({ block: "center" });
    target.focus({ preventScroll: true });
  } else if (!new URLSearchParams(window.location.search).has("c")) {
    const address = new URL(window.location.href);
    address.searchParams.set("c", cited.slice(2));
    window.location.replace(address);
  }
}
