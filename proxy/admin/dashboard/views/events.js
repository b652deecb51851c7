// Events: reloads, backends down and up, pauses and what else an operator wants to have been told.

import { badge, el, panel } from "../dom.js";
import { clock } from "../format.js";
import { Search } from "../search.js";
import { eventKind } from "../states.js";
import { Table } from "../table.js";

const kFields = {
  kind: (event) => event.kind, pool: (event) => event.pool, by: (event) => event.by, text: (event) => event.text,
};

export function eventLine(event) {
  return el("li", {}, el("time", { datetime: event.at }, clock(event.at)), badge(eventKind(event)),
    el("span", {}, [event.pool, event.text].filter(Boolean).join(": "), event.by ? el("span", { class: "muted" }, ` by ${event.by}`) : null));
}

function columns() {
  return [
    { id: "number", label: "No.", number: true, sort: (event) => event.number, text: (event) => event.number },
    { id: "at", label: "Time", text: (event) => clock(event.at), title: (event) => event.at },
    { id: "kind", label: "Kind", sort: (event) => event.kind, same: (event) => `${event.kind} ${event.text}`, fill: (event) => badge(eventKind(event)) },
    { id: "pool", label: "Pool", sort: (event) => event.pool, text: (event) => event.pool },
    { id: "what", label: "What", wide: true, text: (event) => event.text },
    { id: "by", label: "By", sort: (event) => event.by, text: (event) => event.by || "sluice" },
  ];
}

export function events() {
  let rows = [];
  const table = new Table({ caption: "Events, the newest first", columns: columns(), key: (event) => event.number, sorted: "-number" });
  const search = new Search({ name: "Search events", fields: kFields, change: () => draw() });

  function draw() {
    table.update(search.filter(rows), { title: rows.length ? "No event fits." : "Nothing has happened yet." });
  }

  return {
    search: search.input,
    element: el("div", { class: "view" }, el("h1", { class: "hidden" }, "Events"),
      panel("Events", { tools: [search.found, search.input] }, table.element)),
    update({ events: data }) {
      rows = data;
      draw();
    },
  };
}
