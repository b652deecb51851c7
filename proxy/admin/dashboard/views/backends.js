// Backends: the health of what each pool leads to, and every connection.

import { badge, el, panel } from "../dom.js";
import { age, clock, count, latency } from "../format.js";
import { Search } from "../search.js";
import { backendState, poolHealth } from "../states.js";
import { Table } from "../table.js";
import { poolKey } from "./pools.js";

const kFields = {
  id: (one) => one.id, pool: (one) => one.pool, user: (one) => one.user, database: (one) => one.database,
  address: (one) => one.address, state: (one) => one.state, version: (one) => one.server_version, server: (one) => one.server_id,
};

function healthColumns() {
  return [
    { id: "name", label: "Pool", sort: (pool) => pool.name, text: (pool) => pool.name },
    { id: "state", label: "Server", sort: (pool) => poolHealth(pool).text, same: (pool) => `${pool.up} ${pool.made}`, fill: (pool) => badge(poolHealth(pool)) },
    { id: "addresses", label: "Addresses", sort: (pool) => pool.addresses.join(), text: (pool) => pool.addresses.join(", ") },
    { id: "failures", minor: true, label: "Failures in a row", number: true, sort: (pool) => pool.failures, text: (pool) => count(pool.failures) },
    {
      id: "retry", label: "Next attempt", number: true, sort: (pool) => pool.retry_in_seconds,
      text: (pool) => (pool.failures > 0 ? `in ${latency(pool.retry_in_seconds)}` : "–"),
    },
    { id: "error", label: "Last error", wide: true, sort: (pool) => pool.last_error, text: (pool) => pool.last_error || "–" },
  ];
}

function columns() {
  return [
    { id: "backend", label: "Backend", number: true, sort: (one) => one.id, text: (one) => one.id },
    { id: "pool", label: "Pool", sort: (one) => one.pool, text: (one) => one.pool },
    { id: "who", label: "User @ database", sort: (one) => one.user, text: (one) => [one.user, one.database].filter(Boolean).join(" @ ") },
    {
      id: "address", label: "Address", sort: (one) => one.address, same: (one) => `${one.address} ${one.server_version} ${one.tls}`,
      fill: (one) => [one.address, el("span", { class: "under muted" }, `${one.server_version}${one.tls ? " · TLS" : ""}`)],
    },
    { id: "state", label: "State", sort: (one) => one.state, same: (one) => one.state, fill: (one) => badge(backendState(one)) },
    { id: "since", label: "For", number: true, sort: (one) => one.state_age_seconds, text: (one) => age(one.state_age_seconds) },
    { id: "holder", label: "Session", number: true, sort: (one) => one.session, text: (one) => one.session || "–" },
    { id: "server", minor: true, label: "Server's id", number: true, sort: (one) => one.server_id, text: (one) => one.server_id },
    {
      id: "age", label: "Age", number: true, sort: (one) => one.age_seconds, text: (one) => age(one.age_seconds),
      title: (one) => `since ${clock(one.connected_at)}`,
    },
  ];
}

export function backends() {
  let rows = [];
  const health = new Table({ caption: "Health of the servers, by pool", columns: healthColumns(), key: poolKey, sorted: "-failures" });
  const table = new Table({ caption: "Backend connections", columns: columns(), key: (one) => one.id, sorted: "-since" });
  const search = new Search({ name: "Search connections", fields: kFields, change: () => draw() });

  function draw() {
    table.update(search.filter(rows), { title: rows.length ? "No connection fits." : "No connection is open." });
  }

  return {
    needs: { backends: 2 },
    search: search.input,
    element: el("div", { class: "view" }, el("h1", { class: "hidden" }, "Backends"),
      panel("Health", { id: "health" }, health.element),
      panel("Connections", { tools: [search.found, search.input] }, table.element)),
    update({ pools, backends: data }) {
      health.update(pools, { title: "No pool is configured." });
      if (data) {
        rows = data;
        draw();
      }
    },
  };
}
