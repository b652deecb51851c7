// A search box over the rows of a table: all words must be found, in any of the fields. A word with
// the name of a field in front, user:app, is looked for in that field alone.

import { el, setText } from "./dom.js";

// fields: {name: (row) => text}.
export function matcher(text, fields) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean).map((word) => {
    const [name, value] = word.split(/:(.*)/s);
    return value !== undefined && Object.hasOwn(fields, name) ? { value, of: [fields[name]] } : { value: word, of: Object.values(fields) };
  });
  return (row) => words.every(({ value, of }) => of.some((field) => String(field(row) ?? "").toLowerCase().includes(value)));
}

export class Search {
  constructor({ name, fields, change }) {
    this.fields = fields;
    this.input = el("input", {
      type: "search", class: "search", "aria-label": name, placeholder: `${name} ( / )`, autocomplete: "off", spellcheck: "false",
      input: change, keydown: (event) => event.key === "Escape" && this.set("", change),
      title: `Words, or ${Object.keys(fields).slice(0, 3).map((field) => `${field}:word`).join(" ")}`,
    });
    this.found = el("span", { class: "found muted", role: "status" });
  }

  set(text, change) {
    this.input.value = text;
    change();
  }

  filter(rows) {
    const kept = this.input.value.trim() ? rows.filter(matcher(this.input.value, this.fields)) : rows;
    setText(this.found, kept.length === rows.length ? `${rows.length}` : `${kept.length} of ${rows.length}`);
    return kept;
  }
}
