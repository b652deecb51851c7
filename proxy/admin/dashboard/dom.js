// How nodes are made. Text is only ever inserted as text: names of applications, users and
// statements come from clients.

const kSvg = "http://www.w3.org/2000/svg";

function dress(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) {
      continue;
    }
    if (typeof value === "function") {
      node.addEventListener(name, value);
    } else {
      node.setAttribute(name, value === true ? "" : String(value));
    }
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

// A function as a value is a listener of that name: {click: () => ...}.
export function el(tag, attributes = {}, ...children) {
  return dress(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return dress(document.createElementNS(kSvg, tag), attributes, children);
}

export function setText(node, text) {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}

// Replaces the children, unless `signature` says that they would be the same.
export function fill(node, signature, make) {
  if (node.signature === signature) {
    return;
  }
  node.signature = signature;
  node.replaceChildren(...[make()].flat().filter((child) => child !== null && child !== undefined && child !== false));
}

const kShapes = {
  ok: () => [svg("circle", { cx: 6, cy: 6, r: 5, class: "solid" }), svg("path", { d: "M3.6 6.2l1.7 1.7 3.2-3.6", class: "cut" })],
  bad: () => [svg("rect", { x: 1, y: 1, width: 10, height: 10, rx: 2, class: "solid" }), svg("path", { d: "M4 4l4 4M8 4l-4 4", class: "cut" })],
  warn: () => [svg("path", { d: "M6 .8L11.6 11H.4z", class: "solid" }), svg("path", { d: "M6 4.4v3M6 9v.4", class: "cut" })],
  paused: () => [svg("path", { d: "M2 1h3v10H2zM7 1h3v10H7z", class: "solid" })],
  off: () => [svg("circle", { cx: 6, cy: 6, r: 4.6, class: "line" }), svg("path", { d: "M2.8 9.2l6.4-6.4", class: "line" })],
  none: () => [svg("circle", { cx: 6, cy: 6, r: 4.6, class: "line" })],
  half: () => [svg("circle", { cx: 6, cy: 6, r: 4.6, class: "line" }), svg("path", { d: "M6 1.4a4.6 4.6 0 0 1 0 9.2z", class: "solid" })],
  play: () => [svg("path", { d: "M2 1l9 5-9 5z", class: "solid" })],
  pin: () => [svg("path", { d: "M6 .6L11.4 6 6 11.4.6 6z", class: "solid" })],
};

// A state is told by its shape and by its word; the colour only repeats it.
export function badge({ shape, tone, text, title }) {
  return el("span", { class: `badge ${tone}`, title },
    svg("svg", { viewBox: "0 0 12 12", width: 12, height: 12, "aria-hidden": "true" }, kShapes[shape]()), text);
}

export function empty(title, text) {
  return el("div", { class: "empty" }, el("p", { class: "title" }, title), text ? el("p", {}, text) : null);
}

export function panel(title, { tools = [], id } = {}, ...children) {
  const heading = `${id ?? title.toLowerCase().replaceAll(/\W+/g, "-")}-heading`;
  return el("section", { class: "panel", "aria-labelledby": heading, id },
    el("div", { class: "panel-head" }, el("h2", { id: heading }, title), el("div", { class: "panel-tools" }, ...tools)),
    ...children);
}
