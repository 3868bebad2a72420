// Runs once, when the page has loaded, and returns the state in the address as JSON. It keeps question, filters and
// order in the address, collects evidence there, copies quotations and sends feedback. Nothing is stored in the
// browser.
() => {
  const FACETS = ["publisher", "author", "year", "article"];
  const find = (selector) => document.querySelector(selector);
  const texts = find("header[data-copied]").dataset;
  // Where questions are private, this is the only copy: the address has none.
  let question = "";
  let fresh = false;
  let chosen = null;

  const here = () => new URL(window.location.href);
  const fromAddress = () => {
    const parameters = here().searchParams;
    return {
      q: parameters.get("q") ?? (texts.private ? question : ""),
      ...Object.fromEntries(FACETS.map((name) => [name, parameters.getAll(name)])),
      k: parameters.get("k"),
      sort: parameters.get("sort"),
      g: parameters.get("g"),
      open: Boolean(find("#filters details[open]")),
    };
  };
  // Not read from the form: a pending answer may replace it at any moment.
  const current = () => chosen ?? { ...fromAddress(), q: question, g: null };

  // The address of a view, with the collected citations.
  const address = (view) => {
    const url = here();
    const collected = url.searchParams.getAll("c");
    url.search = "";
    url.hash = "";
    const parameters = url.searchParams;
    if (view.q && view.q.trim() && !texts.private) parameters.set("q", view.q);
    for (const name of FACETS) for (const value of view[name]) parameters.append(name, value);
    if (view.k && view.k !== "5") parameters.set("k", view.k);
    if (view.sort && view.sort !== "relevance") parameters.set("sort", view.sort);
    for (const citation of collected) parameters.append("c", citation);
    return url;
  };
  const withoutIndex = (url) => {
    const copy = new URL(url);
    copy.searchParams.delete("g");
    return copy.href;
  };
  const go = (view) => {
    const url = address(view);
    if (url.href !== withoutIndex(here())) window.history.pushState(window.history.state, "", url);
    else window.history.replaceState(window.history.state, "", url);
    fresh = true;
    return JSON.stringify(view);
  };

  window.pullquote = {
    ask: (typed) => {
      // A filter may be set before the question of a link has reached the text box.
      question = typed || (chosen ? question : "");
      const view = { ...current(), q: question };
      chosen = null;
      return go(view);
    },
    choose: (example) => {
      question = example;
      // The list of examples disappears, so the focus moves to the answer.
      if (document.activeElement && document.activeElement.closest("#examples")) find("#results").focus();
      return go({ ...current(), q: question });
    },
    restore: () => {
      const view = fromAddress();
      question = view.q;
      fresh = false;
      return JSON.stringify(view);
    },
  };

  const announce = (text) => {
    find("#said").textContent = "";
    window.setTimeout(() => (find("#said").textContent = text), 50);
  };
  const collected = () => here().searchParams.getAll("c");
  const showEvidence = () => {
    const citations = collected();
    const bar = find("#evidence");
    const link = bar.querySelector("a");
    bar.hidden = citations.length === 0;
    link.textContent = (citations.length === 1 ? bar.dataset.one : bar.dataset.other).replace("{count}", citations.length);
    link.href = `evidence?${new URLSearchParams(citations.map((citation) => ["c", citation]))}`;
    for (const box of document.querySelectorAll("[data-cite]")) box.checked = citations.includes(box.dataset.cite);
  };
  const collect = (citation, checked) => {
    const url = here();
    const citations = collected().filter((other) => other !== citation);
    if (checked) citations.push(citation);
    url.searchParams.delete("c");
    for (const entry of citations) url.searchParams.append("c", entry);
    window.history.replaceState(window.history.state, "", url);
    showEvidence();
  };

  const copy = async (text) => {
    // Without https, and on another host than localhost, a browser offers no clipboard: the older command copies.
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  };
  const sendFeedback = (verdict, article, reason) => {
    const answerId = find("section.answer")?.dataset.answerId;
    if (!answerId) return Promise.reject(new Error("no answer to judge"));
    const passage = article && {
      article_id: article.dataset.article,
      start: Number(article.dataset.start),
      end: Number(article.dataset.end),
    };
    return fetch("api/feedback", {
      method: "POST",
      keepalive: true,
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ answer_id: answerId, verdict, ...passage, ...(reason ? { reason } : {}) }),
    }).then((response) => {
      if (!response.ok) throw new Error(response.statusText);
    });
  };
  const judge = (button) => {
    const article = button.closest("article[data-article]");
    const reason = button.closest(".none-of-these")?.querySelector(".reason").value;
    sendFeedback(button.dataset.judge, article, reason).then(
      () => {
        for (const other of button.parentElement.querySelectorAll("[data-judge][aria-pressed]")) {
          other.setAttribute("aria-pressed", String(other === button));
        }
        announce(texts.thanks);
      },
      () => announce(texts.notNoted),
    );
  };

  // Gradio's own message for a failed request means nothing to a person.
  const showFailure = (text) => {
    find("#trouble").hidden = !text;
    find("#trouble").textContent = text;
  };
  const originalFetch = window.fetch;
  window.fetch = async (...request) => {
    const isQuestion = String(request[0]?.url ?? request[0]).includes("/run/predict");
    try {
      const response = await originalFetch(...request);
      // After a session has ended, reloading shows the login page, which leads back to this address.
      if (response.status === 401) window.location.reload();
      if (isQuestion) showFailure(response.ok ? "" : texts.failed);
      return response;
    } catch (error) {
      if (isQuestion) showFailure(texts.unreachable);
      throw error;
    }
  };

  const refresh = (view) => {
    chosen = { ...view, open: true };
    find("#again").click();
  };
  const set = ({ name, value, checked }) => {
    const view = current();
    const others = FACETS.includes(name) && view[name].filter((other) => other !== value);
    refresh({ ...view, [name]: !others ? value : checked ? [...others, value] : others });
  };
  document.addEventListener("change", (event) => {
    if (event.target.closest("#filters")) set(event.target);
    else if (event.target.dataset.cite) collect(event.target.dataset.cite, event.target.checked);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    const link = event.target.closest("a.read");
    if (link) sendFeedback("opened", link.closest("article[data-article]")).catch(() => {});
    if (!button) return;
    if (button.dataset.copy) copy(button.dataset.copy).then(() => announce(texts.copied));
    else if (button.dataset.judge) judge(button);
    else if ("clear" in button.dataset) {
      refresh({ ...current(), ...Object.fromEntries(FACETS.map((name) => [name, []])) });
    }
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      find("#question textarea, #question input").focus();
    }
  });
  window.addEventListener("popstate", () => find("#back").click());

  // Each answer replaces the filters; the focus returns to the box that had it.
  let focused = null;
  document.addEventListener("focusin", (event) => {
    const input = event.target.closest("#filters input");
    focused = input ? [input.name, input.value] : event.target.closest("#filters") ? ["", ""] : null;
  });
  new MutationObserver(() => {
    if (!focused || (document.activeElement && document.activeElement !== document.body)) return;
    const [name, value] = focused;
    const same = [...document.querySelectorAll(`#filters input[name="${name}"]`)].find((box) => box.value === value);
    (same ?? find("#filters summary"))?.focus();
  }).observe(find("#filters"), { childList: true, subtree: true });
  new MutationObserver(() => {
    const answer = find("section.answer");
    if (answer && fresh) {
      const url = here();
      url.searchParams.set("g", answer.dataset.generation);
      window.history.replaceState(window.history.state, "", url);
      fresh = false;
    }
    showEvidence();
  }).observe(find("#results"), { childList: true, subtree: true });

  // A live region must exist before its first message, and Gradio's components take no role.
  find("#status").setAttribute("role", "status");
  find("#results").setAttribute("tabindex", "-1");
  showEvidence();
  return [window.pullquote.restore()];
}
