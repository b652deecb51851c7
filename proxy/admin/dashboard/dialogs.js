// Questions before something is done, and notes of what came of it.

import { el } from "./dom.js";

const kNoteTime = 8000;

// Shows a modal dialog; resolves to the value that its form was closed with, "" when it was left.
// The element that had the focus gets it back.
function ask(dialog) {
  const before = document.activeElement;
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      before?.focus?.({ preventScroll: true });
      resolve(dialog.returnValue);
    }, { once: true });
  });
}

// True when the person agrees. With `typed`, the button works once that word has been typed.
export async function confirm({ title, text, button, danger = false, typed = "" }) {
  const agree = el("button", { value: "yes", class: danger ? "danger" : "primary", disabled: Boolean(typed) }, button);
  const field = typed && el("input", {
    id: "typed", autocomplete: "off", spellcheck: "false", input: () => { agree.disabled = field.value !== typed; },
  });
  const dialog = el("dialog", { "aria-labelledby": "dialog-title", "aria-describedby": "dialog-text" },
    el("form", { method: "dialog" },
      el("h2", { id: "dialog-title" }, title), el("p", { id: "dialog-text" }, text),
      typed ? el("p", {}, el("label", { for: "typed" }, `Type ${typed} to go on`), field) : null,
      el("div", { class: "buttons" }, el("button", { value: "", autofocus: !typed }, "Cancel"), agree)));
  return (await ask(dialog)) === "yes";
}

// Lets one of `choices` be picked: [{value, name, text, danger}]. "" when none was.
export async function choose({ title, text, choices }) {
  const options = choices.map((choice) => el("li", {},
    el("button", { value: choice.value, class: choice.danger ? "danger" : null }, choice.name), el("span", { class: "muted" }, choice.text)));
  const dialog = el("dialog", { class: "choices", "aria-labelledby": "dialog-title" },
    el("form", { method: "dialog" },
      el("h2", { id: "dialog-title" }, title), text ? el("p", { class: "muted" }, text) : null, el("ul", {}, ...options),
      el("div", { class: "buttons" }, el("button", { value: "" }, "Close"))));
  return ask(dialog);
}

// Shows a text that may be long, to be read or copied.
export function show({ title, text, facts = [] }) {
  return ask(el("dialog", { class: "text", "aria-labelledby": "dialog-title" },
    el("form", { method: "dialog" },
      el("h2", { id: "dialog-title" }, title), el("pre", { tabindex: 0 }, text),
      el("dl", {}, ...facts.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])),
      el("div", { class: "buttons" }, el("button", { value: "", autofocus: true }, "Close")))));
}

// A line at the edge of the page. What went wrong stays until it is dismissed.
export function note(text, bad = false) {
  const line = el("p", { class: bad ? "note bad" : "note", role: bad ? "alert" : null }, text,
    el("button", { type: "button", class: "quiet", click: () => line.remove() }, "Dismiss"));
  document.getElementById("notes").append(line);
  if (!bad) {
    setTimeout(() => line.remove(), kNoteTime);
  }
}
