// Runs in the browser once, when the page is there, and returns what the address asks for as JSON.
// It keeps question, filters and order in the address, collects evidence there, copies quotations and notes what
// people say of an extract. Nothing is stored in the browser.
() => {
  const FACETS = ["publisher", "author", "year", "article"];
  const find = (selector) => document.querySelector(selector);
  const facts = find("header[data-copied]").dataset;
  // The question as asked: where questions are private it stands in no address.
  let question = "";
  let fresh = false;
  let chosen = null;

  const here = () => new URL(window.location.href);
  const fromAddress = () => {
    const told = here().searchParams;
    return {
      q: told.get("q") ?? (facts.private ? question : ""),
      ...Object.fromEntries(FACETS.map((name) => [name, told.getAll(name)])),
      k: told.get("k"),
      sort: told.get("sort"),
      g: told.get("g"),
      open: Boolean(find("#filters details[open]")),
    };
  };
  // The form is not asked: an answer on its way may make it anew at any moment.
  const current = () => chosen ?? { ...fromAddress(), q: question, g: null };

  // The address of a view; what is collected stays in it.
  const address = (view) => {
    const url = here();
    const collected = url.searchParams.getAll("c");
    url.search = "";
    url.hash = "";
    const told = url.searchParams;
    if (view.q && view.q.trim() && !facts.private) told.set("q", view.q);
    for (const name of FACETS) for (const value of view[name]) told.append(name, value);
    if (view.k && view.k !== "5") told.set("k", view.k);
    if (view.sort && view.sort !== "relevance") told.set("sort", view.sort);
    for (const place of collected) told.append("c", place);
    return url;
  };
  const plain = (url) => {
    const told = new URL(url);
    told.searchParams.delete("g");
    return told.href;
  };
  const go = (view) => {
    const url = address(view);
    if (url.href !== plain(here())) window.history.pushState(window.history.state, "", url);
    else window.history.replaceState(window.history.state, "", url);
    fresh = true;
    return JSON.stringify(view);
  };

  window.pullquote = {
    ask: (typed) => {
      // Filters may be set before the question of a link has reached the text box.
      question = typed || (chosen ? question : "");
      const view = { ...current(), q: question };
      chosen = null;
      return go(view);
    },
    choose: (example) => {
      question = example;
      // A chosen example disappears with the list it is in: its focus goes to the answer.
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

  const say = (text) => {
    find("#said").textContent = "";
    window.setTimeout(() => (find("#said").textContent = text), 50);
  };
  const collected = () => here().searchParams.getAll("c");
  const showEvidence = () => {
    const places = collected();
    const bar = find("#evidence");
    const link = bar.querySelector("a");
    bar.hidden = places.length === 0;
    link.textContent = (places.length === 1 ? bar.dataset.one : bar.dataset.other).replace("{count}", places.length);
    link.href = `evidence?${new URLSearchParams(places.map((place) => ["c", place]))}`;
    for (const box of document.querySelectorAll("[data-cite]")) box.checked = places.includes(box.dataset.cite);
  };
  const collect = (place, wanted) => {
    const url = here();
    const places = collected().filter((other) => other !== place);
    if (wanted) places.push(place);
    url.searchParams.delete("c");
    for (const one of places) url.searchParams.append("c", one);
    window.history.replaceState(window.history.state, "", url);
    showEvidence();
  };

  const copy = async (text) => {
    // Away from https and this machine a browser offers no clipboard: there the old way is left.
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  };
  const note = (verdict, about, reason) => {
    const answerId = find("section.answer")?.dataset.answerId;
    if (!answerId) return Promise.reject(new Error("nothing was asked"));
    const place = about && {
      article_id: about.dataset.article,
      start: Number(about.dataset.start),
      end: Number(about.dataset.end),
    };
    return fetch("api/feedback", {
      method: "POST",
      keepalive: true,
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ answer_id: answerId, verdict, ...place, ...(reason ? { reason } : {}) }),
    }).then((reply) => {
      if (!reply.ok) throw new Error(reply.statusText);
    });
  };
  const judge = (button) => {
    const about = button.closest("article[data-article]");
    const reason = button.closest(".none-of-these")?.querySelector(".reason").value;
    note(button.dataset.judge, about, reason).then(
      () => {
        for (const other of button.parentElement.querySelectorAll("[data-judge][aria-pressed]")) {
          other.setAttribute("aria-pressed", String(other === button));
        }
        say(facts.thanks);
      },
      () => say(facts.notNoted),
    );
  };

  // Gradio says nothing a person understands when a question does not get through.
  const trouble = (text) => {
    find("#trouble").hidden = !text;
    find("#trouble").textContent = text;
  };
  const send = window.fetch;
  window.fetch = async (...sent) => {
    const asks = String(sent[0]?.url ?? sent[0]).includes("/run/predict");
    try {
      const reply = await send(...sent);
      // Whoever is not let in any more is shown the login page, and comes back to this address.
      if (reply.status === 401) window.location.reload();
      if (asks) trouble(reply.ok ? "" : facts.failed);
      return reply;
    } catch (error) {
      if (asks) trouble(facts.unreachable);
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
    if (link) note("opened", link.closest("article[data-article]")).catch(() => {});
    if (!button) return;
    if (button.dataset.copy) copy(button.dataset.copy).then(() => say(facts.copied));
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

  // Filters are made anew with each answer: whoever operates them by keyboard stays where they were.
  let operated = null;
  document.addEventListener("focusin", (event) => {
    const input = event.target.closest("#filters input");
    operated = input ? [input.name, input.value] : event.target.closest("#filters") ? ["", ""] : null;
  });
  new MutationObserver(() => {
    if (!operated || (document.activeElement && document.activeElement !== document.body)) return;
    const [name, value] = operated;
    const same = [...document.querySelectorAll(`#filters input[name="${name}"]`)].find((one) => one.value === value);
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
