// Which view is shown: the part of the address behind `#`. `#/services/orders/logs` is the view `services` of
// `orders`, `logs`.

/** The parts of an address, decoded. */
export function parts(hash) {
  const path = hash.replace(/^#\/?/, "").split("?")[0];
  return path
    .split("/")
    .filter(Boolean)
    .map((part) => {
      try {
        return decodeURIComponent(part);
      } catch {
        return part;
      }
    });
}

/** The address of a view. */
export const to = (...path) => `#/${path.map(encodeURIComponent).join("/")}`;

/** Shows the view of the address now and whenever it changes. A view is a function of its parts and returns
 * `{ title, element, stop }`. */
export function start(views, place) {
  let stop = () => {};
  let shown = null;
  const show = () => {
    if (location.hash === "#main") return;
    stop();
    const [name = "overview", ...rest] = parts(location.hash);
    const view = (views[name] ?? views.missing)(...rest);
    stop = view.stop ?? (() => {});
    document.title = `${view.title} · Patchbay`;
    place.replaceChildren(view.element);
    mark(name);
    // Who follows a link is at the beginning of what it leads to; the first view leaves the focus where it is.
    const same = shown === `${name}/${rest[0] ?? ""}`;
    if (shown !== null && !same) {
      place.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
    shown = `${name}/${rest[0] ?? ""}`;
  };
  addEventListener("hashchange", show);
  show();
}

function mark(name) {
  const own = name === "overview" || name === "services" ? "#/" : `#/${name}`;
  for (const link of document.querySelectorAll("#sections a")) {
    if (link.getAttribute("href") === own) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}
