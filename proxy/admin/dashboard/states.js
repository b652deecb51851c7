// The states of things: which shape, tone and word each is shown with.

export function poolState(pool) {
  if (pool.disabled) {
    return { shape: "off", tone: "warn", text: "disabled", title: "New sessions are refused" };
  }
  if (pool.paused) {
    const left = pool.used ? `, ${pool.used} in use` : "";
    return { shape: "paused", tone: "warn", text: `paused${left}`, title: "Sessions wait until resume" };
  }
  return poolHealth(pool);
}

export function poolHealth(pool) {
  if (!pool.made) {
    return { shape: "none", tone: "idle", text: "not used yet", title: "No session has asked for it" };
  }
  if (pool.up === false) {
    return { shape: "bad", tone: "bad", text: "down", title: pool.last_error };
  }
  return pool.up === true ? { shape: "ok", tone: "ok", text: "up" } : { shape: "none", tone: "idle", text: "not tried yet" };
}

export function sessionState(session) {
  return {
    idle: { shape: "none", tone: "idle", text: "idle" },
    active: { shape: "play", tone: "ok", text: "active" },
    waiting: { shape: "half", tone: "warn", text: "waiting" },
    pinned: { shape: "pin", tone: "info", text: "pinned" },
    login: { shape: "half", tone: "idle", text: "login" },
  }[session.state] ?? { shape: "none", tone: "idle", text: session.state };
}

export function backendState(backend) {
  return {
    idle: { shape: "none", tone: "idle", text: "idle" },
    used: { shape: "play", tone: "ok", text: "used" },
    errand: { shape: "half", tone: "info", text: "errand", title: "Being opened, pinged or reset" },
  }[backend.state] ?? { shape: "none", tone: "idle", text: backend.state };
}

export function processState(status) {
  if (status.draining) {
    return { shape: "half", tone: "warn", text: "draining" };
  }
  return status.ready ? { shape: "ok", tone: "ok", text: "ready" } : { shape: "bad", tone: "bad", text: "not ready" };
}

const kBad = new Set(["backend_down", "kill", "kill_session", "reload_failed", "upgrade_failed"]);
const kGood = new Set(["backend_up", "resume", "enable", "start", "reload", "handed_over"]);

export function eventKind({ kind, text }) {
  const failed = kBad.has(kind) || /\b(fail(ed|s)?|refused)\b/.test(text) && kind === "reload";
  const words = kind.replaceAll("_", " ");
  if (failed) {
    return { shape: "bad", tone: "bad", text: words };
  }
  if (kGood.has(kind)) {
    return { shape: "ok", tone: "ok", text: words };
  }
  return { shape: kind === "pause" ? "paused" : "warn", tone: "warn", text: words };
}
