// Asks for name and password. Resolves when they are right; nothing of them is kept but in `api`.

import { el, setText } from "./dom.js";

const kTold = {
  login: "Name or password is not right.",
  right: "This user has no admin right.",
};

export function login(api, place, told = "") {
  const name = el("input", { id: "name", name: "name", autocomplete: "username", required: true, autocapitalize: "none", spellcheck: "false" });
  const password = el("input", { id: "password", name: "password", type: "password", autocomplete: "current-password", required: true });
  const trouble = el("p", { class: "trouble", role: "alert" }, told);
  const button = el("button", { class: "primary" }, "Sign in");
  return new Promise((resolve) => {
    const form = el("form", {
      class: "login panel", submit: async (event) => {
        event.preventDefault();
        button.disabled = true;
        api.signIn(name.value, password.value);
        try {
          await api.get("me");
          resolve();
        } catch (failure) {
          api.signOut();
          setText(trouble, kTold[failure.kind] ?? `sluice does not answer: ${failure.message}`);
          password.value = "";
          password.focus();
        }
        button.disabled = false;
      },
    },
    el("h1", {}, "Sign in"),
    el("p", { class: "muted" }, "With a user of the configuration that has the right ", el("code", {}, "admin: read_only"), " or ", el("code", {}, "admin: true"), "."),
    el("label", { for: "name" }, "Name"), name, el("label", { for: "password" }, "Password"), password, trouble, button);
    place.replaceChildren(form);
    name.focus();
  });
}
