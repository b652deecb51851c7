// Pools: how full, how healthy, who waits; and what can be done with each.

import { badge, el, panel } from "../dom.js";
import { count, latency } from "../format.js";
import { poolHealth, poolState } from "../states.js";
import { Table } from "../table.js";

export const poolKey = (pool) => `${pool.name}\n${pool.user}\n${pool.database}`;

function room(pool) {
  const taken = pool.used + pool.idle + pool.connecting + pool.closing;
  return Math.max(taken, pool.pool_size + Math.max(0, pool.max_overflow), 1);
}

export function overflow(pool) {
  const open = pool.used + pool.idle + pool.connecting + pool.closing;
  return pool.pool_size > 0 ? Math.max(0, open - pool.pool_size) : 0;
}

// How its places are taken: solid in use, striped idle, dotted on the way. The numbers beside tell
// the same.
function bar(pool) {
  const part = (kind, amount) => {
    const node = el("span", { class: kind });
    node.style.flexGrow = amount;
    return node;
  };
  const moving = pool.connecting + pool.closing;
  const line = el("span", { class: "bar", "aria-hidden": "true" },
    part("used", pool.used), part("idle", pool.idle), part("moving", moving),
    part("free", room(pool) - pool.used - pool.idle - moving));
  if (pool.max_overflow > 0 && pool.pool_size > 0) {
    const mark = el("i");
    mark.style.left = `${(100 * pool.pool_size) / room(pool)}%`;
    line.append(mark);
  }
  return line;
}

function size(pool) {
  const above = { 0: "", "-1": " + any" }[pool.max_overflow] ?? ` + ${pool.max_overflow}`;
  return pool.pool_size === 0 ? "no bound" : `${pool.pool_size}${above}`;
}

function states(pool) {
  const shown = [badge(poolState(pool))];
  if ((pool.paused || pool.disabled) && pool.up === false) {
    shown.push(badge(poolHealth(pool)));
  }
  return shown;
}

function login(pool) {
  return [pool.user, pool.database].filter(Boolean).join(" @ ");
}

function columns({ actions, right, short }) {
  const all = [
    {
      id: "name", label: "Pool", wide: true, sort: (pool) => pool.name,
      same: (pool) => `${poolKey(pool)} ${pool.protocol} ${pool.mode}`,
      fill: (pool) => [el("strong", {}, pool.name), el("span", { class: "under muted" }, [login(pool), pool.protocol, pool.mode].filter(Boolean).join(" · "))],
    },
    {
      id: "state", label: "State", sort: (pool) => poolState(pool).text,
      same: (pool) => `${pool.paused} ${pool.disabled} ${pool.up} ${pool.made} ${pool.used} ${pool.last_error}`, fill: states,
    },
    {
      id: "load", label: "Places", wide: true, sort: (pool) => pool.used / room(pool), number: true,
      same: (pool) => [pool.used, pool.idle, pool.connecting, pool.closing, pool.pool_size, pool.max_overflow].join(),
      fill: (pool) => [bar(pool), el("span", { class: "under muted" }, `${pool.used} of ${size(pool)}`)],
    },
    { id: "used", label: "In use", number: true, sort: (pool) => pool.used, text: (pool) => count(pool.used) },
    { id: "idle", label: "Idle", number: true, sort: (pool) => pool.idle, text: (pool) => count(pool.idle) },
    { id: "opening", minor: true, label: "Opening", number: true, sort: (pool) => pool.connecting, text: (pool) => count(pool.connecting) },
    { id: "overflow", label: "Overflow", number: true, sort: overflow, text: (pool) => count(overflow(pool)) },
    { id: "waiting", label: "Waiting", number: true, sort: (pool) => pool.waiting, text: (pool) => count(pool.waiting) },
    {
      id: "oldest", label: "Oldest wait", number: true, sort: (pool) => pool.oldest_wait_seconds,
      text: (pool) => (pool.oldest_wait_seconds > 0 ? latency(pool.oldest_wait_seconds) : "–"),
    },
    { id: "clients", label: "Clients", number: true, sort: clients, text: (pool) => count(clients(pool)) },
    { id: "pinned", minor: true, label: "Pinned", number: true, sort: (pool) => pool.clients_pinned, text: (pool) => count(pool.clients_pinned) },
    {
      id: "actions", label: "Actions", hidden: true, same: (pool) => `${pool.name} ${right()}`,
      fill: (pool, line) => (right() === "act" ? el("button", {
        type: "button", "aria-label": `Actions for pool ${pool.name}`, click: () => actions.pool(line.row),
      }, "Actions…") : null),
    },
  ];
  return short ? all.filter((column) => !["opening", "pinned", "clients"].includes(column.id)) : all;
}

function clients(pool) {
  return pool.clients_idle + pool.clients_active + pool.clients_waiting + pool.clients_pinned;
}

export function poolTable({ actions, right, caption, short = false }) {
  return new Table({ caption, columns: columns({ actions, right, short }), key: poolKey, sorted: short ? "-load" : "name" });
}

export function pools({ actions, right }) {
  const table = poolTable({ actions, right, caption: "Pools: places, queue and state" });
  return {
    element: el("div", { class: "view" }, el("h1", { class: "hidden" }, "Pools"), panel("Pools", {}, table.element)),
    update({ pools: data }) {
      table.update(data, { title: "No pool is configured." });
    },
  };
}
