// Runs in the browser before each question is sent: the question goes into the address, so that a reload or a
// copied link asks it again. A chosen example disappears with the list it is in: its focus goes to the answer.
(question) => {
  const address = new URL(window.location.href);
  if (question && question.trim()) address.searchParams.set("q", question);
  else address.searchParams.delete("q");
  window.history.replaceState(window.history.state, "", address);
  if (document.activeElement && document.activeElement.closest("#examples")) {
    document.querySelector("#results").focus();
  }
  return [question];
}
