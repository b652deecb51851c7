// The first look: how many, how fast, what is wrong.

import { Chart } from "../chart.js";
import { el, empty, fill, panel, setText } from "../dom.js";
import { age, count, latency, rate } from "../format.js";
import { eventLine } from "./events.js";
import { poolTable } from "./pools.js";

const kEvents = 8;
const kQuantiles = [{ name: "p50", style: "main" }, { name: "p95", style: "second" }, { name: "p99", style: "third" }];

function charts() {
  return [
    new Chart({
      title: "Queries per second", format: rate, pick: (point) => point.rates,
      series: [{ name: "queries", style: "main" }, { name: "errors", style: "third" }],
    }),
    new Chart({ title: "Query latency", format: latency, pick: (point) => point.query, series: kQuantiles }),
    new Chart({ title: "Wait for a backend", format: latency, pick: (point) => point.wait, series: kQuantiles }),
    new Chart({
      title: "Backends and queue", format: count, pick: (point) => point.connections,
      series: [{ name: "in use", style: "main" }, { name: "idle", style: "second" }, { name: "waiting", style: "third" }],
    }),
  ];
}

function tile(name) {
  const value = el("span", { class: "value" });
  const detail = el("span", { class: "detail muted" });
  return { value, detail, element: el("div", { class: "tile" }, el("dt", {}, name), el("dd", {}, value, detail)) };
}

export function overview({ history, actions, right }) {
  const tiles = {
    clients: tile("Clients"), waiting: tile("Waiting"), backends: tile("Backends in use"),
    queries: tile("Queries per second"), latency: tile("Query p95"), pools: tile("Pools"),
  };
  const drawn = charts();
  const select = el("select", { id: "chart-pool" });
  const table = poolTable({ actions, right, caption: "Pools, the busiest first", short: true });
  const events = el("div", { class: "event-list" });
  let data = null;
  const draw = () => data && drawn.forEach((chart) => chart.update(history.points(select.value), data.now, history.window));
  select.addEventListener("change", draw);

  const element = el("div", { class: "view" },
    el("h1", { class: "hidden" }, "Overview"),
    el("dl", { class: "tiles", "aria-label": "Now" }, ...Object.values(tiles).map((one) => one.element)),
    panel("Load", { tools: [el("label", { for: "chart-pool" }, "Pool "), select] },
      el("div", { class: "charts" }, ...drawn.map((chart) => chart.element))),
    panel("Pools", { id: "overview-pools" }, table.element),
    panel("Latest events", { tools: [el("a", { href: "#events" }, "All events")] }, events));

  return {
    element,
    update(next) {
      data = next;
      writeTiles(tiles, data, history);
      const names = [...new Set(data.pools.map((pool) => pool.name))];
      fill(select, names.join("\n"), () => [el("option", { value: "" }, "All pools"), ...names.map((name) => el("option", { value: name }, name))]);
      draw();
      table.update(data.pools, { title: "No pool is configured." });
      const latest = data.events.slice(-kEvents).reverse();
      fill(events, latest.map((event) => event.number).join(), () => (latest.length
        ? el("ol", {}, ...latest.map(eventLine)) : empty("Nothing has happened yet.")));
    },
  };
}

function writeTiles(tiles, { status, pools }, history) {
  const sum = (key) => pools.reduce((total, pool) => total + pool[key], 0);
  const write = (one, value, detail, alarm = false) => {
    setText(one.value, value);
    setText(one.detail, detail);
    one.element.classList.toggle("alarm", alarm);
  };
  const last = history.points("").at(-1);
  const down = pools.filter((pool) => pool.up === false);
  const held = pools.filter((pool) => pool.paused || pool.disabled);
  const oldest = Math.max(0, ...pools.map((pool) => pool.oldest_wait_seconds));
  write(tiles.clients, count(status.clients), `of ${count(status.max_client_connections)}`);
  write(tiles.waiting, count(sum("waiting")), oldest > 0 ? `oldest ${latency(oldest)}` : "nobody waits", sum("waiting") > 0);
  write(tiles.backends, count(sum("used")), `${count(sum("idle"))} idle, ${count(sum("connecting"))} opening`);
  write(tiles.queries, rate(last?.rates[0]), `${rate(last?.rates[1])} errors per second`, (last?.rates[1] ?? 0) > 0);
  write(tiles.latency, latency(last?.query[1]), `p50 ${latency(last?.query[0])}`);
  write(tiles.pools, count(new Set(pools.map((pool) => pool.name)).size),
    [down.length && `${down.length} down`, held.length && `${held.length} held`].filter(Boolean).join(", ") || `up for ${age(status.uptime_seconds)}`,
    down.length > 0);
}
