"use strict";

const list = document.getElementById("list");
const questions = [...list.children];
const control = (name) => document.getElementById(name);
// The evidence's rank and confidence are looked at from their interesting end.
const orders = {
  place: (a, b) => a.dataset.place - b.dataset.place,
  rank: (a, b) => b.dataset.rank - a.dataset.rank || orders.place(a, b),
  confidence: (a, b) => b.dataset.confidence - a.dataset.confidence || orders.place(a, b),
  seconds: (a, b) => b.dataset.seconds - a.dataset.seconds,
};

function wanted(question) {
  const outcome = control("outcome").value;
  const type = control("type").value;
  const words = control("words").value.trim().toLowerCase();
  const data = question.dataset;
  return (
    (!outcome || data.outcome === outcome || (outcome === "failure" && data.failure === "true")) &&
    (!type || data.type === type) &&
    (!words || question.textContent.toLowerCase().includes(words))
  );
}

function update() {
  let shown = 0;
  for (const question of questions) {
    question.hidden = !wanted(question);
    shown += question.hidden ? 0 : 1;
  }
  list.append(...questions.sort(orders[control("sort").value]));
  control("count").textContent = `${shown} of ${questions.length} questions`;
}

for (const name of ["outcome", "type", "sort", "words"]) control(name).addEventListener("input", update);
control("outcome").form.addEventListener("submit", (event) => event.preventDefault());
update();
