// A table whose rows keep their identity while their values change: what is focused stays focused.
// Headers sort. On a narrow screen each row is a card, and a select sorts.

import { el, empty, fill } from "./dom.js";

let made = 0;

function compare(a, b) {
  if (typeof a === "string" || typeof b === "string") {
    return String(a ?? "").localeCompare(String(b ?? ""), "en", { numeric: true });
  }
  return (a ?? -Infinity) - (b ?? -Infinity);
}

const classes = (column) => [column.number && "number", column.wide && "wide", column.minor && "minor", column.id].filter(Boolean).join(" ");

export class Table {
  #rows = new Map();  // key -> tr
  #data = [];

  // columns: [{id, label, number, sort(row), text(row) | fill(row) with same(row), title(row), wide, minor}].
  // `fill` makes nodes, again when `same` tells something else than the last time. A column without
  // `sort` cannot be sorted by; a minor one is left out where there is little room. `sorted`: the id of a column, with "-" in front: greatest first.
  constructor({ caption, columns, key, sorted, limit = 200, nothing = "Nothing to show." }) {
    Object.assign(this, { columns, key, limit, nothing });
    this.#setSort(sorted);
    this.id = `table-${(made += 1)}`;
    this.heads = columns.map((column) => this.#head(column));
    this.body = el("tbody", { role: "rowgroup" });
    this.table = el("table", { role: "table", id: this.id },
      el("caption", { class: "hidden" }, caption),
      el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, ...this.heads)), this.body);
    this.rest = el("p", { class: "rest muted", role: "status" });
    this.none = el("div", { hidden: true });
    this.select = this.#sortSelect();
    this.element = el("div", { class: "table" },
      el("label", { class: "sort-by" }, "Sort by ", this.select), this.table, this.none, this.rest);
    this.#showSort();
  }

  get sorted() {
    return this.descending ? `-${this.by}` : this.by;
  }

  sortBy(sorted) {
    this.#setSort(sorted);
    this.#showSort();
    this.update(this.#data);
  }

  // `nothing`: {title, text} in place of rows.
  update(data, nothing = this.nothing) {
    this.#data = data;
    const column = this.columns.find(({ id }) => id === this.by);
    const order = this.descending ? -1 : 1;
    const ranked = column ? data.toSorted((a, b) => order * compare(column.sort(a), column.sort(b))) : data;
    const shown = ranked.slice(0, this.limit);
    this.#place(shown);
    this.table.hidden = shown.length === 0;
    this.none.hidden = shown.length > 0;
    const { title, text } = typeof nothing === "string" ? { title: nothing } : nothing;
    fill(this.none, `${title}\n${text}`, () => empty(title, text));
    const more = ranked.length - shown.length;
    fill(this.rest, String(more), () => (more > 0 ? `The first ${shown.length} of ${ranked.length}.` : null));
  }

  #setSort(sorted = "") {
    this.descending = sorted.startsWith("-");
    this.by = sorted.replace(/^-/, "");
  }

  #head(column) {
    const attributes = { role: "columnheader", scope: "col", class: classes(column) };
    if (!column.sort) {
      return el("th", attributes, column.hidden ? el("span", { class: "hidden" }, column.label) : column.label);
    }
    const flip = () => this.sortBy(this.by === column.id && this.descending === Boolean(column.number)
      ? (column.number ? column.id : `-${column.id}`) : (column.number ? `-${column.id}` : column.id));
    return el("th", attributes, el("button", { type: "button", class: "sort", click: flip }, column.label));
  }

  #sortSelect() {
    const options = this.columns.filter((column) => column.sort).map((column) =>
      el("option", { value: column.number ? `-${column.id}` : column.id }, column.label));
    return el("select", { change: () => this.sortBy(this.select.value) }, ...options);
  }

  #showSort() {
    this.heads.forEach((head, i) => {
      const mine = this.columns[i].id === this.by;
      head.toggleAttribute("data-sorted", mine);
      if (mine) {
        head.setAttribute("aria-sort", this.descending ? "descending" : "ascending");
      } else {
        head.removeAttribute("aria-sort");
      }
    });
    this.select.value = [...this.select.options].find(({ value }) => value.replace(/^-/, "") === this.by)?.value ?? "";
  }

  #place(shown) {
    const focused = document.activeElement;
    const left = new Map(this.#rows);
    let next = this.body.firstChild;
    for (const row of shown) {
      const key = this.key(row);
      const line = this.#rows.get(key) ?? this.#line(key);
      left.delete(key);
      if (line === next) {
        next = next.nextSibling;
      } else {
        this.body.insertBefore(line, next);
      }
      this.#write(line, row);
    }
    for (const [key, line] of left) {
      line.remove();
      this.#rows.delete(key);
    }
    if (focused !== document.activeElement && this.body.contains(focused)) {
      focused.focus({ preventScroll: true });
    }
  }

  #line(key) {
    const cells = this.columns.map((column) => el("td", {
      role: "cell", "data-label": column.label, class: classes(column),
    }, el("div")));
    const line = el("tr", { role: "row", "data-key": key }, ...cells);
    this.#rows.set(key, line);
    return line;
  }

  #write(line, row) {
    line.row = row;
    this.columns.forEach((column, i) => {
      const cell = line.children[i];
      const inside = cell.firstChild;
      if (column.text) {
        const text = String(column.text(row) ?? "");
        fill(inside, text, () => text);
      } else {
        fill(inside, column.same(row), () => column.fill(row, line));
      }
      cell.toggleAttribute("data-empty", inside.textContent === "");
      const title = column.title?.(row) ?? "";
      if (cell.title !== title) {
        cell.title = title;
      }
    });
  }
}
