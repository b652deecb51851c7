// The page: signs in, asks sluice every two seconds, and shows one view at a time, chosen by the
// fragment of the address.

import { Actions } from "./actions.js";
import { Api } from "./api.js";
import { el } from "./dom.js";
import * as frame from "./frame.js";
import { History } from "./history.js";
import { login } from "./login.js";
import { read } from "./metrics.js";
import { backends } from "./views/backends.js";
import { configuration } from "./views/configuration.js";
import { events } from "./views/events.js";
import { overview } from "./views/overview.js";
import { pools } from "./views/pools.js";
import { routes } from "./views/routes.js";
import { sessions } from "./views/sessions.js";
import { statements } from "./views/statements.js";

const kViews = {
  overview: { title: "Overview", make: overview },
  pools: { title: "Pools", make: pools },
  sessions: { title: "Sessions", make: sessions },
  statements: { title: "Statements", make: statements },
  backends: { title: "Backends", make: backends },
  routes: { title: "Routes", make: routes },
  events: { title: "Events", make: events },
  configuration: { title: "Configuration", make: configuration },
};
const kPeriod = 2000;         // milliseconds from one answer to the next question
const kHiddenPeriod = 15000;  // while nobody looks
const kRetries = [1000, 2000, 4000, 5000];
const kEvents = 500;

const api = new Api();
const history = new History();
const content = document.getElementById("content");
const actions = new Actions((name, body) => api.post(name, body), () => wake());

let right = "";
let view = null;
let data = { status: null, pools: [], events: [] };
let asked = {};      // when each need of the view was asked for
let lost = null;     // {why, since, tries} while nobody answers
let frozen = false;
let drawn = false;   // the view has been shown with all that it wants
let wake = () => {};

function viewName() {
  const name = location.hash.slice(1);
  return Object.hasOwn(kViews, name) ? name : "overview";
}

function showView() {
  const name = viewName();
  frame.writeNav(kViews, name);
  view = kViews[name].make({ history, actions, right: () => right });
  asked = {};
  drawn = false;
  content.replaceChildren(data.status ? view.element : el("p", { class: "empty" }, "Connecting…"));
  document.title = `${kViews[name].title} · sluice`;
  if (data.status) {
    view.update(data);
  }
}

// What the view wants beside what is always asked for, as far as it is due.
function due(now) {
  const due = Object.entries(view.needs ?? {}).filter(([name, seconds]) => !(now - asked[name] < seconds * 1000 - 100));
  return due.map(([name]) => name);
}

async function askAll() {
  const now = Date.now();
  const needs = due(now);
  const mine = view;
  const me = await api.get("me");
  right = me.right;
  const after = data.events.at(-1)?.number ?? 0;
  const [status, poolList, newEvents, text, ...needed] = await Promise.all([
    api.get("status"), api.get("pools"), api.get(`events?after=${after}`), api.metrics(), ...needs.map((name) => api.get(name)),
  ]);
  if (data.status && data.status.started_at !== status.started_at) {
    history.clear();
    data.events = [];
    wake();  // the new process counts its events from 1
  } else {
    data.events = [...data.events, ...newEvents].slice(-kEvents);
  }
  history.add(now / 1000, read(text), poolList);
  data = { ...data, status, pools: poolList, now: now / 1000 };
  if (mine === view) {
    needs.forEach((name, i) => {
      asked[name] = now;
      data[name] = needed[i];
    });
  }
}

function show() {
  frame.writeUser(api.user, right);
  frame.writeProcess(data.status);
  frame.writeWarnings(data.status, data.pools, lost);
  frame.writeConnection(lost ? "lost" : frozen ? "frozen" : "live");
  if (!view.element.isConnected && data.status) {
    content.replaceChildren(view.element);
  }
  if (data.status && !(frozen && drawn)) {
    view.update(data);
    drawn = Object.keys(view.needs ?? {}).every((name) => asked[name]);
  }
}

async function signIn(told) {
  right = "";
  data = { status: null, pools: [], events: [] };
  history.clear();
  frame.writeConnection("signed_out");
  frame.writeUser("", "");
  frame.writeProcess(null);
  frame.writeWarnings(null, [], null);
  document.title = "Sign in · sluice";
  await login(api, content, told);
  frame.writeConnection("connecting");
  showView();
}

// One round; returns the milliseconds until the next.
async function round() {
  try {
    const begin = performance.now();
    await askAll();
    lost = null;
    show();
    const took = performance.now() - begin;
    return document.hidden ? kHiddenPeriod : Math.max(kPeriod, took * 10);
  } catch (failure) {
    if (failure.kind === "login" || failure.kind === "right") {
      const known = api.user !== "";
      api.signOut();
      await signIn(failure.kind === "right" ? "This user has no admin right." : known ? "You are signed out: name and password are not accepted any more." : "");
      return 0;
    }
    if (!failure.kind) {
      throw failure;
    }
    lost = { why: failure.message, since: lost?.since ?? frame.now(), tries: (lost?.tries ?? -1) + 1 };
    show();
    return kRetries[Math.min(lost.tries, kRetries.length - 1)];
  }
}

function pause(milliseconds) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}

function listen() {
  window.addEventListener("hashchange", () => {
    if (data.status) {
      showView();
      wake();
    }
  });
  document.addEventListener("visibilitychange", () => !document.hidden && wake());
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, select, textarea, dialog");
    if (event.key === "/" && !typing && view?.search) {
      event.preventDefault();
      view.search.focus();
    }
  });
  document.querySelector("a.skip").addEventListener("click", (event) => {
    event.preventDefault();  // the fragment names the view
    content.focus();
  });
  const freeze = document.getElementById("freeze");
  freeze.addEventListener("click", () => {
    frozen = !frozen;
    freeze.setAttribute("aria-pressed", String(frozen));
    show();
  });
  document.getElementById("acts").addEventListener("click", () => actions.process(data.status));
  document.getElementById("sign-out").addEventListener("click", () => {
    api.signOut();
    wake();
  });
}

async function run() {
  listen();
  frame.writeConnection("connecting");
  showView();
  for (;;) {
    await pause(await round());
  }
}

run();
