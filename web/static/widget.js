// <pull-quote>: asks a Pullquote service and shows its extracts, marked and cited. It works under a strict policy of
// its page: no inline style, no HTML from strings, no request except to the service, no storage.
(() => {
  "use strict";

  // The texts of the service's catalogue, put in when this file is served.
  const BUILT_IN = {};
  const HOME = new URL(".", document.currentScript?.src ?? document.baseURI).href;
  const FILTERS = ["articles", "authors", "publishers", "years"];

  const SHEET = new CSSStyleSheet();
  SHEET.replaceSync(`
:host {
  display: block;
  color-scheme: light dark;
  --accent: var(--pullquote-accent, light-dark(#0b5563, #8fd3e0));
  --ground: var(--pullquote-background, light-dark(#fff, #1e242b));
  --text: var(--pullquote-text, light-dark(#1c232b, #e8eaed));
  --border: var(--pullquote-border, light-dark(#75808c, #8b96a3));
  --radius: var(--pullquote-radius, 0.5em);
  padding: 1em;
  border: 1px solid var(--border);
  border-radius: var(--radius);
  background: var(--ground);
  color: var(--text);
  font-family: var(--pullquote-font, system-ui, sans-serif);
  line-height: 1.5;
  text-align: start;
  overflow-wrap: anywhere;
}
:host([hidden]) { display: none; }
:host([theme="light"]) { color-scheme: light; }
:host([theme="dark"]) { color-scheme: dark; }
* { box-sizing: border-box; }
label, .band { font-weight: 600; }
p, ol, blockquote { margin: 0.5em 0; }
div { display: flex; flex-wrap: wrap; gap: 0.5em; margin-top: 0.25em; }
input, button {
  min-height: 44px;
  padding: 0.25em 0.75em;
  border: 1px solid var(--border);
  border-radius: var(--radius);
  background: var(--ground);
  color: var(--text);
  font: inherit;
}
input { flex: 1 1 12em; min-width: 0; }
button { border-color: var(--accent); background: var(--accent); color: var(--ground); cursor: pointer; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
[role="status"]:empty { display: none; }
ol { padding-inline-start: 1.75em; }
li + li { margin-top: 1.25em; }
blockquote { padding-inline-start: 0.75em; border-inline-start: 3px solid var(--accent); white-space: pre-wrap; }
mark {
  background: var(--pullquote-mark, light-dark(#ffeb9c, #665310));
  color: var(--pullquote-mark-text, light-dark(#1c232b, #fff7dc));
}
a { display: inline-block; min-height: 24px; color: var(--accent); }
.aside { font-size: 0.9em; }
summary { min-height: 24px; cursor: pointer; color: var(--accent); }`);

  const make = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

  // A "|" separates values that hold commas: "Lovelace, Ada|" is one author.
  const list = (text) =>
    text.split(text.includes("|") ? "|" : ",").map((value) => value.trim()).filter(Boolean);

  const cite = (article) => make("cite", { lang: BUILT_IN.lang, dir: "auto" }, article.title || article.source);

  // "2024-05-06" as people write it; a text that is no date is unchanged.
  function date(published, language) {
    const parts = published.match(/^\d{4}(-\d\d)?(-\d\d)?$/);
    const when = new Date(parts ? published : NaN);
    if (isNaN(when) || !when.toISOString().startsWith(published)) return published;
    const format = { timeZone: "UTC", year: "numeric" };
    if (parts[1]) format.month = "long";
    if (parts[2]) format.day = "numeric";
    return new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, format).format(when);
  }

  async function post(address, question, signal) {
    const response = await fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(question),
      // Cookies, and so a login, go to the service on its own site alone.
      credentials: "same-origin",
      signal,
    });
    if (response.ok) return response.json();
    const problem = await response.json().catch(() => ({}));
    const seconds = response.headers.get("Retry-After");
    throw { status: response.status, seconds, detail: problem.detail };
  }

  class PullQuote extends HTMLElement {
    static observedAttributes = ["label", "placeholder", "lang"];

    #texts = BUILT_IN;
    #language = "";
    #request;
    #label = make("label", { htmlFor: "question" });
    #input = make("input", { id: "question", autocomplete: "off", enterKeyHint: "search" });
    #button = make("button", {});
    #status = make("p", {});
    #results = make("section", {});
    #root = make("section", {});

    constructor() {
      super();
      const shadow = this.attachShadow({ mode: "open", delegatesFocus: true });
      shadow.adoptedStyleSheets = [SHEET];
      const form = make("form", {}, this.#label, make("div", {}, this.#input, this.#button));
      form.setAttribute("role", "search");
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        this.#ask();
      });
      this.#status.setAttribute("role", "status");
      this.#root.append(form, this.#status, this.#results);
      shadow.append(this.#root);
      this.#setTexts();
    }

    connectedCallback() {
      this.#loadTexts();
    }

    disconnectedCallback() {
      this.#request?.abort();
    }

    attributeChangedCallback(name) {
      if (name !== "lang") this.#setTexts();
      else if (this.isConnected) this.#loadTexts();
    }

    // The service's address, with a slash at its end.
    get #endpoint() {
      const endpoint = this.getAttribute("endpoint");
      return endpoint ? new URL(endpoint.replace(/\/*$/, "/"), document.baseURI).href : HOME;
    }

    #setTexts() {
      this.#root.lang = this.#texts.lang;
      this.#label.textContent = this.getAttribute("label") || this.#texts.question;
      this.#input.placeholder = this.getAttribute("placeholder") ?? "";
      this.#button.textContent = this.#texts.ask;
    }

    // Loads the texts of the element's language where the service has them.
    async #loadTexts() {
      const language = this.lang;
      if (language === this.#language) return;
      this.#language = language;
      let texts = {};
      if (language && language.split("-")[0] !== BUILT_IN.lang) {
        const address = new URL(`widget/${encodeURIComponent(language)}.json`, this.#endpoint);
        const response = await fetch(address, { credentials: "omit" }).catch(() => ({ ok: false }));
        if (response.ok) texts = await response.json().catch(() => ({}));
        else response.body?.cancel(); // unread, it would keep the request open
      }
      if (language !== this.#language) return;
      this.#texts = { ...BUILT_IN, ...texts };
      this.#setTexts();
    }

    #query() {
      const k = Math.min(Math.max(parseInt(this.getAttribute("k"), 10) || 3, 1), 20);
      const filters = FILTERS.map((name) => [name, list(this.getAttribute(name) ?? "")]);
      return { question: this.#input.value, k, filters: Object.fromEntries(filters) };
    }

    async #ask() {
      this.#request?.abort();
      const { signal } = (this.#request = new AbortController());
      this.#show(this.#texts.asking);
      let record;
      try {
        record = await post(new URL("api/ask", this.#endpoint), this.#query(), signal);
      } catch (failure) {
        if (!signal.aborted) this.#showFailure(failure);
        return;
      }
      if (!signal.aborted) this.#answer(record);
    }

    #show(status, ...results) {
      this.#status.textContent = status;
      this.#results.replaceChildren(...results);
    }

    #dispatch(name, detail) {
      this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
    }

    #showFailure({ status = 0, seconds, detail }) {
      const texts = this.#texts;
      let message = status ? fill(texts.failed, { status }) : texts.unreachable;
      if (status === 503 && seconds) message = fill(texts.busy, { seconds });
      else if (detail) message = `${detail[0].toUpperCase()}${detail.slice(1)}.`;
      if (status === 401) message = texts.unknown;
      this.#show(message, ...(status === 401 ? [this.#login()] : []));
      this.#dispatch("pullquote-error", { status, message });
    }

    #login() {
      const opening = { href: `${this.#endpoint}login`, target: "_blank", rel: "noopener" };
      return make("p", {}, make("a", opening, this.#texts.login));
    }

    #answer(record) {
      const texts = this.#texts;
      const count = record.extracts.length;
      if (record.state === "unsure") this.#show(texts.unsure, ...this.#unsure(record.nearest));
      else if (record.state === "none") this.#show(texts.none, ...this.#nearest(record.nearest));
      else this.#show(fill(texts[`found.${count === 1 ? "one" : "other"}`], { count }), this.#list(record.extracts));
      if (record.expansions.length) this.#results.prepend(this.#aside(texts.expansions, record.expansions));
      if (record.differing) this.#results.prepend(this.#differ(record));
      this.#dispatch("pullquote-answer", record);
    }

    #differ({ differing, extracts }) {
      const [first, second] = extracts.filter(({ rank }) => differing.includes(rank));
      const titles = { first: first.title || first.source, second: second.title || second.source };
      const values = { ...titles, one: first.answer.key.text, other: second.answer.key.text };
      return make("p", { className: "differ" }, fill(this.#texts.differ, values));
    }

    #unsure([closest, ...others]) {
      const advice = make("p", {}, this.#texts.unsure_advice);
      return [advice, this.#list([closest]), ...this.#folded(this.#texts.others, others)];
    }

    #nearest(extracts) {
      return [make("p", {}, this.#texts.advice), ...this.#folded(this.#texts.nearest, extracts)];
    }

    #folded(summary, extracts) {
      if (!extracts.length) return [];
      return [make("details", {}, make("summary", {}, summary), this.#list(extracts))];
    }

    #list(extracts) {
      // Numbered by rank: the passages below the closest one begin at 2.
      return make("ol", { start: extracts[0].rank }, ...extracts.map((extract) => make("li", {}, ...this.#extract(extract))));
    }

    #extract(extract) {
      const { start, end } = extract.answer;
      // The service counts code points, JavaScript's strings do not: an emoji is one, not two.
      const points = Array.from(extract.text);
      const part = (from, to) => points.slice(from - extract.start, to - extract.start).join("");
      const { key } = extract.answer;
      const marked = key
        ? [part(start, key.start), make("strong", {}, key.text), part(key.end, end)]
        : [part(start, end)];
      const answer = make("mark", {}, ...marked);
      const quoted = [part(extract.start, start), answer, part(end, extract.end)];
      const others = extract.also_in.filter((place) => place.article_id !== extract.article_id).map(cite);
      return [
        make("p", { className: "band" }, this.#texts[`band.${extract.band}`]),
        make("blockquote", { lang: BUILT_IN.lang, dir: "auto" }, ...quoted),
        this.#citation(extract),
        ...(others.length ? [this.#aside(this.#texts.also_in, others)] : []),
      ];
    }

    #citation(extract) {
      const span = `c=${extract.answer.start}-${extract.answer.end}`;
      const href = `${this.#endpoint}articles/${encodeURIComponent(extract.article_id)}?${span}#${span}`;
      const names = new Set([extract.author, extract.publisher].filter(Boolean));
      const facts = [...names].map((name) => `, ${name}`);
      if (extract.published) {
        const published = date(extract.published, this.#texts.lang);
        facts.push(", ", make("time", { dateTime: extract.published }, published));
      }
      const opening = { href, target: "_blank", rel: "noopener", title: this.#texts.opens };
      return make("p", { className: "citation" }, make("a", opening, cite(extract)), ...facts);
    }

    // "Also in: one, two", of texts or elements.
    #aside(label, items) {
      const joined = items.flatMap((item, index) => (index ? [", ", item] : [item]));
      return make("p", { className: "aside" }, `${label} `, ...joined);
    }
  }

  if (!customElements.get("pull-quote")) customElements.define("pull-quote", PullQuote);
})();
