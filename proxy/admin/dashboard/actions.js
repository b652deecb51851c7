// What an admin can have done. Each is asked about first; sluice checks the right again.

import { choose, confirm, note } from "./dialogs.js";

const kPool = {
  pause: {
    name: "Pause", done: "is being paused",
    text: "Sessions finish their transactions, then wait until the pool is resumed. Idle connections are closed.",
  },
  resume: { name: "Resume", done: "is resumed", text: "Sessions that wait get connections again." },
  reconnect: {
    name: "Reconnect", done: "opens its connections anew",
    text: "Every connection that is open now is closed as soon as it is free. Clients notice nothing.",
  },
  reconnect_clients: {
    name: "Reconnect clients", done: "asks its clients to connect again", danger: true,
    text: "Every client is ended at the end of its transaction and has to connect again.",
  },
  disable: { name: "Disable", done: "is disabled", text: "New sessions are refused. Those that are there go on." },
  enable: { name: "Enable", done: "is enabled", text: "New sessions are accepted again." },
  kill: {
    name: "Kill", done: "is killed and paused", danger: true, typed: true,
    text: "Every session ends now, its transaction is rolled back, all connections are closed. The pool stays paused until it is resumed.",
  },
};

const kProcess = {
  reload: { name: "Reload", text: "Reads the configuration file again. When anything in it is wrong, all stays as it is." },
  pause: { name: "Pause all pools", text: kPool.pause.text },
  resume: { name: "Resume all pools", text: kPool.resume.text },
  reconnect: { name: "Reconnect all pools", text: kPool.reconnect.text },
  log_level: { name: "Log level", text: "How much is logged, until the next reload or restart." },
  drain: { name: "Drain and stop", danger: true, text: "Not ready any more; each session ends with its transaction; then the process ends." },
};

const kDrain = {
  drain: { name: "Drain", text: "As SIGTERM: sessions end with their transactions, those that are left at drain.timeout." },
  wait_for_clients: { name: "Wait for clients", text: "Accepts nothing new and ends when the last client has left by itself." },
  immediate: { name: "Stop now", danger: true, text: "Ends every session at once; open transactions are rolled back." },
};

const kLevels = ["trace", "debug", "info", "warning", "error"];

function choices(table, names = Object.keys(table)) {
  return names.map((value) => ({ value, ...table[value] }));
}

export class Actions {
  // `post(name, body)` asks the API; `after()` is called when something has been done.
  constructor(post, after) {
    this.post = post;
    this.after = after;
  }

  async pool(pool) {
    const names = [pool.paused ? "resume" : "pause", "reconnect", "reconnect_clients", pool.disabled ? "enable" : "disable", "kill"];
    const picked = await choose({ title: `Pool ${pool.name}`, choices: choices(kPool, names) });
    if (picked) {
      await this.poolAction(picked, pool.name);
    }
  }

  async poolAction(action, pool) {
    const its = kPool[action];
    const agreed = await confirm({
      title: `${its.name}: ${pool}?`, text: its.text, button: its.name, danger: its.danger, typed: its.typed ? pool : "",
    });
    if (agreed) {
      const body = action === "reconnect_clients" ? { pool, clients: true } : { pool };
      await this.#do(action === "reconnect_clients" ? "reconnect" : action, body, `Pool ${pool} ${its.done}.`);
    }
  }

  async killSession(session) {
    const agreed = await confirm({
      title: `End session ${session.id}?`, button: "End session", danger: true,
      text: `${session.user} from ${session.client} is told that an operator has ended the session; its transaction is rolled back.`,
    });
    if (agreed) {
      await this.#do("kill", { session: session.id }, `Session ${session.id} is ended.`);
    }
  }

  async process(status) {
    const picked = await choose({ title: "Process", text: status.config_file || "started without a file", choices: choices(kProcess) });
    if (picked === "drain") {
      await this.#drain();
    } else if (picked === "log_level") {
      await this.#logLevel(status.log_level);
    } else if (picked) {
      const its = kProcess[picked];
      if (await confirm({ title: `${its.name}?`, text: its.text, button: its.name })) {
        await this.#do(picked, {}, picked === "reload" ? this.#reloaded : `${its.name}: done.`);
      }
    }
  }

  async #drain() {
    const mode = await choose({ title: "Drain and stop", choices: choices(kDrain) });
    if (mode) {
      const its = kDrain[mode];
      if (await confirm({ title: `${its.name}?`, text: its.text, button: its.name, danger: true, typed: "stop" })) {
        await this.#do("drain", { mode }, "The process is stopping.");
      }
    }
  }

  async #logLevel(now) {
    const level = await choose({
      title: "Log level", choices: kLevels.map((value) => ({ value, name: value, text: value === now ? "in force" : "" })),
    });
    if (level && await confirm({ title: `Log level ${level}?`, text: kProcess.log_level.text, button: `Set ${level}` })) {
      await this.#do("log_level", { level }, `Log level ${level} is in force.`);
    }
  }

  #reloaded({ data = {} }) {
    const list = (words, keys) => (keys?.length ? ` ${words}: ${keys.join(", ")}.` : "");
    const changed = data.changed?.length ? list("Changed", data.changed) : " Nothing has changed.";
    return `Reloaded.${changed}${list("Waits for a restart", data.needs_restart)}${list("Warnings", data.warnings)}`;
  }

  async #do(name, body, told) {
    try {
      const answer = await this.post(name, body);
      note(typeof told === "function" ? told(answer) : told);
    } catch (failure) {
      note(failure.message, true);
    }
    this.after();
  }
}
