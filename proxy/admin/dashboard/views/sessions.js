// Sessions: who is connected, what each does, what it waits for and what pins it.

import { badge, el, panel } from "../dom.js";
import { age, clock, latency } from "../format.js";
import { Search } from "../search.js";
import { sessionState } from "../states.js";
import { Table } from "../table.js";

const kStates = ["all", "active", "waiting", "pinned", "idle"];

const kFields = {
  id: (session) => session.id,
  user: (session) => session.user,
  database: (session) => session.database,
  client: (session) => session.client,
  app: (session) => session.application_name,
  route: (session) => session.route,
  pool: (session) => session.pool,
  state: (session) => session.state,
  pin: (session) => session.pins.join(" "),
  listener: (session) => session.listener,
};

function columns({ actions, right }) {
  return [
    { id: "session", label: "Session", number: true, sort: (session) => session.id, text: (session) => session.id },
    {
      id: "who", label: "User @ database", sort: (session) => session.user,
      same: (session) => `${session.user}\n${session.database}\n${session.application_name}`,
      fill: (session) => [el("strong", {}, session.user || "–"), session.database ? ` @ ${session.database}` : "",
        session.application_name ? el("span", { class: "under muted" }, session.application_name) : null],
    },
    {
      id: "client", label: "Client", sort: (session) => session.client,
      same: (session) => `${session.client} ${session.listener} ${session.tls}`,
      fill: (session) => [session.client, el("span", { class: "under muted" }, `${session.listener}${session.tls ? " · TLS" : ""}`)],
    },
    {
      id: "route", label: "Route → pool", sort: (session) => session.pool,
      text: (session) => (session.route ? `${session.route} → ${session.pool}` : "–"),
    },
    {
      id: "state", label: "State", sort: (session) => session.state,
      same: (session) => `${session.state} ${session.in_transaction} ${session.isolation_level}`,
      fill: (session) => [badge(sessionState(session)), session.in_transaction
        ? el("span", { class: "under muted", title: session.isolation_level }, "in transaction") : null],
    },
    { id: "since", label: "For", number: true, sort: (session) => session.state_age_seconds, text: (session) => age(session.state_age_seconds) },
    {
      id: "wait", label: "Wait", number: true, sort: (session) => session.wait_seconds,
      text: (session) => (session.wait_seconds > 0 ? latency(session.wait_seconds) : "–"),
    },
    {
      id: "pins", label: "Pinned by", sort: (session) => session.pins.join(), same: (session) => session.pins.join(),
      fill: (session) => session.pins.map((pin) => el("span", { class: "tag" }, pin)),
    },
    { id: "backend", minor: true, label: "Backend", number: true, sort: (session) => session.backend, text: (session) => session.backend || "–" },
    {
      id: "age", minor: true, label: "Age", number: true, sort: (session) => session.age_seconds, text: (session) => age(session.age_seconds),
      title: (session) => `since ${clock(session.connected_at)}`,
    },
    {
      id: "actions", label: "Actions", hidden: true, same: (session) => `${session.id} ${right()}`,
      fill: (session, line) => (right() === "act" ? el("button", {
        type: "button", "aria-label": `End session ${session.id}`, click: () => actions.killSession(line.row),
      }, "End…") : null),
    },
  ];
}

export function sessions({ actions, right }) {
  let rows = [];
  let state = "all";
  const table = new Table({ caption: "Sessions", columns: columns({ actions, right }), key: (session) => session.id, sorted: "-since" });
  const search = new Search({ name: "Search sessions", fields: kFields, change: () => draw() });
  const buttons = kStates.map((name) => el("button", {
    type: "button", "aria-pressed": String(name === state), click: () => {
      state = name;
      buttons.forEach((button, i) => button.setAttribute("aria-pressed", kStates[i] === state));
      draw();
    },
  }, name));

  function draw() {
    const kept = search.filter(state === "all" ? rows : rows.filter((session) => session.state === state));
    table.update(kept, rows.length ? { title: "No session fits.", text: "Clear the search or show all states." } : { title: "Nobody is connected." });
  }

  return {
    needs: { sessions: 2 },
    search: search.input,
    element: el("div", { class: "view" }, el("h1", { class: "hidden" }, "Sessions"),
      panel("Sessions", { tools: [search.found, el("div", { class: "choice", role: "group", "aria-label": "State" }, ...buttons), search.input] }, table.element)),
    update({ sessions: data }) {
      if (data) {
        rows = data;
        draw();
      }
    },
  };
}
