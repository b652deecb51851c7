// Statements by fingerprint: which take the time, which are slow, which come often.

import { show } from "../dialogs.js";
import { el, panel } from "../dom.js";
import { clock, count, latency } from "../format.js";
import { Search } from "../search.js";
import { Table } from "../table.js";

const kOrders = { "-total": "most time", "-p99": "slowest", "-count": "most frequent", "-errors": "most errors" };
const kTimes = ["p50", "p95", "p99", "max", "total"];

const kFields = {
  id: (one) => one.id, text: (one) => one.text, kind: (one) => one.kind, pool: (one) => one.pool,
};

function read(one) {
  return show({
    title: `Statement ${one.id}`, text: one.text,
    facts: [["Pool", one.pool], ["Kind", one.kind], ["Count", count(one.count)], ["Errors", count(one.errors)], ["Rows", count(one.rows)],
      ...kTimes.map((name) => [name, latency(one[`${name}_seconds`])]), ["Last seen", clock(one.last_seen)]],
  });
}

function columns() {
  return [
    {
      id: "text", label: "Statement", wide: true, sort: (one) => one.text, same: (one) => one.text,
      fill: (one, line) => el("button", { type: "button", class: "statement", click: () => read(line.row) }, el("code", {}, one.text)),
    },
    { id: "kind", minor: true, label: "Kind", sort: (one) => one.kind, text: (one) => one.kind },
    { id: "pool", label: "Pool", sort: (one) => one.pool, text: (one) => one.pool },
    { id: "count", label: "Count", number: true, sort: (one) => one.count, text: (one) => count(one.count) },
    { id: "errors", label: "Errors", number: true, sort: (one) => one.errors, text: (one) => count(one.errors) },
    { id: "rows", minor: true, label: "Rows", number: true, sort: (one) => one.rows, text: (one) => count(one.rows) },
    ...kTimes.map((name) => ({
      id: name, label: name, number: true, sort: (one) => one[`${name}_seconds`], text: (one) => latency(one[`${name}_seconds`]),
    })),
    { id: "seen", minor: true, label: "Last seen", number: true, sort: (one) => Date.parse(one.last_seen), text: (one) => clock(one.last_seen) },
  ];
}

export function statements() {
  let rows = [];
  const table = new Table({ caption: "Statements by fingerprint", columns: columns(), key: (one) => `${one.id} ${one.pool}`, sorted: "-total", limit: 100 });
  const search = new Search({ name: "Search statements", fields: kFields, change: () => draw() });
  const buttons = Object.entries(kOrders).map(([order, name]) => el("button", {
    type: "button", "data-order": order, click: () => {
      table.sortBy(order);
      draw();
    },
  }, name));

  function draw() {
    buttons.forEach((button) => button.setAttribute("aria-pressed", button.dataset.order === table.sorted));
    table.update(search.filter(rows), rows.length ? { title: "No statement fits." } : {
      title: "No statement has been counted.",
      text: "Statements are counted where the middleware statement_statistics is in a chain.",
    });
  }

  return {
    needs: { fingerprints: 4 },
    search: search.input,
    element: el("div", { class: "view" }, el("h1", { class: "hidden" }, "Statements"),
      panel("Statements", { tools: [search.found, el("div", { class: "choice", role: "group", "aria-label": "Order" }, ...buttons), search.input] }, table.element)),
    update({ fingerprints: data }) {
      if (data) {
        rows = data;
        draw();
      }
    },
  };
}
