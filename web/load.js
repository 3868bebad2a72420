// Runs in the browser once, when the page is there. A live region must exist before its first message, and
// Gradio's components take no role; "" asks nothing.
() => {
  document.querySelector("#status").setAttribute("role", "status");
  document.querySelector("#results").setAttribute("tabindex", "-1");
  return [new URL(window.location.href).searchParams.get("q") ?? ""];
}
