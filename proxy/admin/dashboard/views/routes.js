// Routes: which sessions go where, in the order in which they are tried.

import { el, panel } from "../dom.js";
import { count } from "../format.js";
import { Table } from "../table.js";

const tags = (names) => names.map((name) => el("span", { class: "tag" }, name));

function columns() {
  return [
    { id: "place", label: "No.", number: true, sort: (route) => route.place, text: (route) => route.place },
    {
      id: "name", label: "Route", sort: (route) => route.name, same: (route) => `${route.name}\n${route.tags.join()}`,
      fill: (route) => [el("strong", {}, route.name), " ", ...tags(route.tags)],
    },
    { id: "match", label: "Takes", wide: true, text: (route) => route.match || "everybody" },
    { id: "pool", label: "Pool", sort: (route) => route.pool, text: (route) => route.pool },
    { id: "isolation", label: "Isolation level", text: (route) => route.isolation_level || "the server's" },
    { id: "read-only", label: "Read only", text: (route) => (route.read_only ? "yes" : "no") },
    { id: "chain", label: "Middleware", wide: true, same: (route) => route.middleware.join(), fill: (route) => tags(route.middleware) },
    { id: "sessions", label: "Sessions so far", number: true, sort: (route) => route.sessions, text: (route) => count(route.sessions) },
  ];
}

export function routes() {
  const table = new Table({ caption: "Routes, in the order in which they are tried", columns: columns(), key: (route) => route.name, sorted: "place" });
  return {
    needs: { routes: 4 },
    element: el("div", { class: "view" }, el("h1", { class: "hidden" }, "Routes"), panel("Routes", {}, table.element)),
    update({ routes: data }) {
      if (data) {
        table.update(data.map((route, i) => ({ ...route, place: i + 1 })), { title: "No route is configured.", text: "No session can be served." });
      }
    },
  };
}
