// The configuration in force, secrets masked.

import { el, fill, panel } from "../dom.js";

export function configuration() {
  const file = el("p", { class: "muted file" });
  const text = el("pre", { tabindex: 0, role: "region", "aria-label": "Configuration" });
  return {
    needs: { config: 10 },
    element: el("div", { class: "view" }, el("h1", { class: "hidden" }, "Configuration"), panel("Configuration", {}, file, text)),
    update({ status, config }) {
      fill(file, status.config_file, () => (status.config_file ? `In force, read from ${status.config_file}; secrets are masked.` : "In force; started without a file."));
      if (config) {
        const yaml = config.yaml ?? JSON.stringify(config, null, 2);
        fill(text, yaml, () => yaml);
      }
    },
  };
}
