// The colours that were chosen, before the first paint. Only this choice is kept in the browser.
(() => {
  const kKey = "sluice-theme";
  let chosen = "auto";
  try {
    chosen = localStorage.getItem(kKey) ?? "auto";
  } catch {
    // Storage may be forbidden: the system's colours then.
  }
  const set = (theme) => {
    if (theme === "light" || theme === "dark") {
      document.documentElement.dataset.theme = theme;
    } else {
      delete document.documentElement.dataset.theme;
    }
  };
  set(chosen);
  document.addEventListener("DOMContentLoaded", () => {
    const select = document.getElementById("theme");
    if (!select) {
      return;
    }
    select.value = chosen;
    select.addEventListener("change", () => {
      set(select.value);
      try {
        localStorage.setItem(kKey, select.value);
      } catch {
        // As above.
      }
    });
  });
})();
