// SPDX-License-Identifier: ISC

// Finds sections by the words that are typed. The index is loaded when the field gets the focus.
"use strict";

const field = document.getElementById("search");
const results = document.getElementById("results");
const most = 30;

let loading = false;

function load() {
  if (loading) return;
  loading = true;
  const script = document.createElement("script");
  script.src = "search_index.js";
  script.onload = show;
  document.head.append(script);
}

// How well a section fits: 0 if a word is missing.
function score(entry, words, query) {
  const title = entry.t.toLowerCase();
  const page = entry.p.toLowerCase();
  const text = entry.x.toLowerCase();
  let total = 0;
  for (const word of words) {
    if (title.includes(word)) total += title.startsWith(word) || title.includes(":" + word) ? 8 : 5;
    else if (page.includes(word)) total += 3;
    else if (text.includes(word)) total += 1;
    else return 0;
  }
  const name = title.replace(/^\w+:/, "").replace(/\/\d+$/, "");
  return title === query || name === query ? total + 20 : total;
}

function snippet(text, word) {
  const at = Math.max(0, text.toLowerCase().indexOf(word) - 30);
  return (at > 0 ? "…" : "") + text.slice(at, at + 120);
}

function item(entry, word) {
  const link = document.createElement("a");
  link.href = entry.u;
  link.append(entry.t);
  const small = document.createElement("small");
  small.append(entry.p === entry.t || entry.t.includes(":") ? "" : entry.p + ": ", snippet(entry.x, word));
  link.append(small);
  const li = document.createElement("li");
  li.append(link);
  return li;
}

function none() {
  const li = document.createElement("li");
  li.className = "none";
  li.append("Nothing found");
  return li;
}

function show() {
  const query = field.value.trim().toLowerCase();
  results.hidden = query === "" || typeof searchIndex === "undefined";
  if (results.hidden) return;
  const words = query.split(/\s+/);
  const found = searchIndex
    .map((entry) => [score(entry, words, query), entry])
    .filter(([points]) => points > 0)
    .sort(([a], [b]) => b - a)
    .slice(0, most)
    .map(([, entry]) => item(entry, words[0]));
  results.replaceChildren(...(found.length > 0 ? found : [none()]));
}

// The arrows choose one, Enter follows it.
function choose(step) {
  const links = [...results.querySelectorAll("a")];
  if (links.length === 0) return;
  const at = links.findIndex((link) => link.classList.contains("chosen"));
  const next = Math.min(links.length - 1, Math.max(0, at + step));
  if (at >= 0) links[at].classList.remove("chosen");
  links[next].classList.add("chosen");
  links[next].scrollIntoView({ block: "nearest" });
}

field.addEventListener("focus", load);
field.addEventListener("input", show);
field.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    choose(event.key === "ArrowDown" ? 1 : -1);
  } else if (event.key === "Enter") {
    (results.querySelector("a.chosen") ?? results.querySelector("a"))?.click();
  } else if (event.key === "Escape") {
    field.value = "";
    show();
    field.blur();
  }
});

results.addEventListener("click", (event) => {
  if (event.target.closest("a")) results.hidden = true;
});

document.addEventListener("click", (event) => {
  if (!event.target.closest("search")) results.hidden = true;
});

document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.ctrlKey && !event.metaKey && document.activeElement !== field) {
    event.preventDefault();
    field.focus();
  }
});
