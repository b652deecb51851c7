// What stands around every view: the state of the process, of the connection, and warnings.

import { badge, el, fill, setText } from "./dom.js";
import { age, clock, plural } from "./format.js";
import { processState } from "./states.js";

const byId = (id) => document.getElementById(id);

const kConnection = {
  connecting: { shape: "none", tone: "idle", text: "connecting" },
  live: { shape: "ok", tone: "ok", text: "live" },
  frozen: { shape: "paused", tone: "warn", text: "frozen" },
  lost: { shape: "bad", tone: "bad", text: "connection lost" },
  signed_out: { shape: "none", tone: "idle", text: "not signed in" },
};

// state: a key of kConnection.
export function writeConnection(state) {
  fill(byId("connection"), state, () => badge(kConnection[state]));
  document.body.dataset.connection = state;
}

export function writeUser(user, right) {
  const told = { act: "may act", read_only: "read only" }[right] ?? "";
  fill(byId("user"), `${user} ${right}`, () => (right ? [el("strong", {}, user || "local"), ` ${told}`] : null));
  byId("sign-out").hidden = !user;
  byId("acts").hidden = right !== "act";
  byId("freeze").hidden = !right;
  byId("nav").hidden = !right;
}

export function writeNav(views, current) {
  fill(byId("nav"), current, () => Object.entries(views).map(([name, { title }]) =>
    el("a", { href: `#${name}`, "aria-current": name === current ? "page" : null }, title)));
}

export function writeProcess(status) {
  setText(byId("version"), status ? status.version : "");
  const facts = status && [plural(status.workers, "worker"), status.io, `up ${age(status.uptime_seconds)}`].join(" · ");
  fill(byId("process"), status ? `${status.ready} ${status.draining} ${facts}` : "", () => (status
    ? [badge(processState(status)), el("span", { class: "muted" }, facts)] : null));
}

function warnings(status, pools, lost) {
  const found = [];
  if (lost) {
    const shown = status ? ` What is shown is from ${lost.since}.` : "";
    found.push(["bad", `Connection lost: ${lost.why}.${shown} It is tried again every few seconds.`]);
  }
  if (status?.draining) {
    found.push(["warn", "The process drains: sessions end with their transactions, then it stops."]);
  }
  if (status && !status.reload_ok) {
    found.push(["bad", `The last reload was refused; the configuration before it is in force. ${status.reload_error}`]);
  }
  if (status?.needs_restart?.length) {
    found.push(["warn", `Waits for a restart: ${status.needs_restart.join(", ")}.`]);
  }
  for (const pool of pools) {
    if (pool.up === false) {
      found.push(["bad", `Pool ${pool.name} is down: ${pool.last_error || "no connection could be opened"}`]);
    }
  }
  return found;
}

// lost: {why, since} while nobody answers, or null.
export function writeWarnings(status, pools, lost) {
  const found = warnings(status, pools, lost);
  const shown = found.slice(0, 4);
  if (found.length > shown.length) {
    shown.push(["warn", `${found.length - shown.length} more; see Backends.`]);
  }
  byId("banners").hidden = shown.length === 0;
  fill(byId("banners"), JSON.stringify(shown), () => shown.map(([tone, text]) =>
    el("p", { class: `banner ${tone}` }, badge({ shape: tone, tone, text: "" }), el("span", {}, text))));
}

export const now = () => clock(new Date().toISOString());
