// Runs before anything is drawn, so that a colour scheme that was chosen holds from the first paint on. What needs to be
// remembered is in this browser only.
(() => {
  try {
    const chosen = localStorage.getItem("patchbay-theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch {
    // A browser that keeps nothing shows the scheme of the system.
  }
})();
