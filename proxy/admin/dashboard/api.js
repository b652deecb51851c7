// Talks to /api/v1. Name and password stay in this object, in memory, and go nowhere but into the
// header of its requests.

const kTimeout = 10000;

export class ApiError extends Error {
  // kind: connection (nobody answered) | login (401) | right (403) | refused (any other answer)
  constructor(kind, message, code = "") {
    super(message);
    this.kind = kind;
    this.code = code;
  }
}

function basic(name, password) {
  const octets = new TextEncoder().encode(`${name}:${password}`);
  return `Basic ${btoa(String.fromCharCode(...octets))}`;
}

async function failureOf(answer) {
  let error = {};
  try {
    error = (await answer.json()).error ?? {};
  } catch {
    // No JSON: the status line must do.
  }
  const kind = { 401: "login", 403: "right" }[answer.status] ?? "refused";
  return new ApiError(kind, error.message ?? `${answer.status} ${answer.statusText}`.trim(), error.code ?? "");
}

export class Api {
  #authorization = "";
  user = "";

  signIn(name, password) {
    this.user = name;
    this.#authorization = basic(name, password);
  }

  signOut() {
    this.user = "";
    this.#authorization = "";
  }

  async get(name) {
    return (await (await this.#ask(`api/v1/${name}`, {})).json()).data;
  }

  async post(name, body) {
    const answer = await this.#ask(`api/v1/${name}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    return text ? JSON.parse(text) : {};
  }

  async metrics() {
    return (await this.#ask("metrics", {})).text();
  }

  // X-Sluice-Request: no page of another origin can send it. credentials: omit, so that the browser asks for no password by itself and keeps none.
  async #ask(path, options) {
    const headers = { "X-Sluice-Request": "1", ...options.headers };
    if (this.#authorization) {
      headers.Authorization = this.#authorization;
    }
    let answer;
    try {
      answer = await fetch(path, {
        ...options, headers, credentials: "omit", cache: "no-store", redirect: "error", signal: AbortSignal.timeout(kTimeout),
      });
    } catch (caught) {
      throw new ApiError("connection", caught.name === "TimeoutError" ? "no answer in 10 s" : "nobody answers");
    }
    if (!answer.ok) {
      throw await failureOf(answer);
    }
    return answer;
  }
}
