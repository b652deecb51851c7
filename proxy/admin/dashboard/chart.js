// A chart of lines over time, drawn as SVG. What it shows now stands in its legend as text; arrow
// keys and the pointer read earlier moments.

import { el, setText, svg } from "./dom.js";

const kHeight = 150;
const kLeft = 52;
const kBottom = 20;
const kTop = 8;

// A scale's upper end and its step, 1, 2 or 5 times a power of ten.
function scale(highest) {
  const top = highest > 0 ? highest : 1;
  const power = 10 ** Math.floor(Math.log10(top / 3));
  const step = [1, 2, 5, 10].map((times) => times * power).find((one) => top / one <= 3.5);
  return { step, top: Math.ceil(top / step - 1e-9) * step };
}

export class Chart {
  #points = [];
  #now = 0;
  #window = 60;
  #reading = null;  // index of the point that is read; null: the last one
  #width = 0;

  // `series`: [{name, style}], style being one of main, second, third; `pick` takes a point of the
  // history to its values, in that order; `format` writes a value.
  constructor({ title, series, pick, format }) {
    Object.assign(this, { title, series, pick, format });
    this.plot = svg("svg", { height: kHeight, "aria-hidden": "true" });
    this.values = series.map(() => el("span", { class: "value" }));
    this.when = el("span", { class: "when muted" }, "now");
    const legend = series.map((one, i) => el("li", { class: one.style },
      svg("svg", { width: 18, height: 8, "aria-hidden": "true" }, svg("path", { d: "M0 4h18", class: `line ${one.style}` })),
      el("span", {}, one.name), this.values[i]));
    this.frame = el("div", {
      class: "plot", tabindex: 0, role: "group", "aria-label": `${title}: arrow keys read earlier moments`,
      pointermove: (event) => this.#point(event), pointerleave: () => this.#read(null),
      keydown: (event) => this.#key(event), blur: () => this.#read(null),
    }, this.plot);
    this.element = el("figure", { class: "chart" },
      el("figcaption", {}, el("h3", {}, title), this.when),
      el("ul", { class: "legend" }, ...legend), this.frame);
    new ResizeObserver(([entry]) => {
      this.#width = Math.floor(entry.contentRect.width);
      this.#draw();
    }).observe(this.frame);
  }

  // The last `window` seconds before `now` are drawn. A moment that is read stays read for as long as
  // it is among them.
  update(points, now, window) {
    const at = this.#reading === null ? null : this.#points[this.#reading].at;
    this.#now = now;
    this.#window = window;
    this.#points = points.filter((point) => point.at >= now - window);
    const kept = this.#points.findIndex((point) => point.at === at);
    this.#reading = kept < 0 ? null : kept;
    this.#draw();
  }

  #x(at) {
    return kLeft + ((at - this.#now + this.#window) / this.#window) * (this.#width - kLeft - 4);
  }

  #draw() {
    this.#tell();
    if (this.#width < 80) {
      return;
    }
    const values = this.#points.flatMap((point) => this.pick(point)).filter((value) => value !== null);
    const { step, top } = scale(Math.max(0, ...values));
    const y = (value) => kHeight - kBottom - (value / top) * (kHeight - kBottom - kTop);
    const marks = [];
    for (let i = 0; i * step <= top * 1.001; i += 1) {
      marks.push(svg("path", { class: i ? "grid" : "base", d: `M${kLeft} ${y(i * step).toFixed(1)}H${this.#width - 4}` }),
        svg("text", { x: kLeft - 6, y: y(i * step) + 4, "text-anchor": "end" }, this.format(i * step)));
    }
    const minutes = this.#window / 60;
    for (const back of [minutes, Math.floor(minutes / 2), 0]) {
      marks.push(svg("text", {
        x: this.#x(this.#now - back * 60), y: kHeight - 4, "text-anchor": back === 0 ? "end" : back === minutes ? "start" : "middle",
      }, back === 0 ? "now" : `−${back} min`));
    }
    const lines = this.series.map((one, i) => svg("path", { class: `line ${one.style}`, d: this.#path(i, y) }));
    this.plot.setAttribute("width", this.#width);
    this.cursor = svg("path", { class: "cursor" });
    this.plot.replaceChildren(...marks, ...lines.reverse(), this.cursor);
    this.#tell();
  }

  #path(series, y) {
    let path = "";
    let drawing = false;
    for (const point of this.#points) {
      const value = this.pick(point)[series];
      if (value === null) {
        drawing = false;
        continue;
      }
      const alone = !drawing || point.gap;
      path += `${alone ? "M" : "L"}${this.#x(point.at).toFixed(1)} ${y(value).toFixed(1)}${alone ? "h.1" : ""}`;
      drawing = true;
    }
    return path;
  }

  #point(event) {
    if (!this.#points.length) {
      return;
    }
    const x = event.clientX - this.frame.getBoundingClientRect().left;
    const distance = (point) => Math.abs(this.#x(point.at) - x);
    this.#read(this.#points.reduce((best, point, i) => (distance(point) < distance(this.#points[best]) ? i : best), 0));
  }

  #key(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -15, PageDown: 15 };
    const last = this.#points.length - 1;
    if (event.key === "Escape") {
      this.#read(null);
    } else if (event.key in steps && last >= 0) {
      this.#read(Math.min(last, Math.max(0, (this.#reading ?? last) + steps[event.key])));
      event.preventDefault();
    }
  }

  #read(index) {
    this.#reading = index;
    this.#tell();
  }

  #tell() {
    const point = this.#points.at(this.#reading ?? -1);
    const values = point ? this.pick(point) : [];
    this.values.forEach((node, i) => setText(node, this.format(values[i])));
    setText(this.when, this.#reading === null || !point ? "now" : new Date(point.at * 1000).toLocaleTimeString("en-GB"));
    this.cursor?.setAttribute("d", this.#reading === null || !point ? "" : `M${this.#x(point.at).toFixed(1)} ${kTop}V${kHeight - kBottom}`);
  }
}
