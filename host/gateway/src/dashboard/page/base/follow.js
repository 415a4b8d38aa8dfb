// Streams that the host pushes. A browser allows six connections to a host that speaks HTTP/1.1, for all its tabs
// together, so a page that nobody looks at holds none.

/** Follows an event stream: `tell(name, data)` for the named events, until the returned function is called. `onState` is
 * told whether it is connected. Where the host has no such stream it is not asked again. */
export function follow(path, names, tell, onState = () => {}) {
  let source = null;
  let last = 0;
  let over = false;

  const open = () => {
    if (over || source || document.hidden) return;
    const joint = path.includes("?") ? "&" : "?";
    source = new EventSource(last ? `${path}${joint}after=${last}` : path);
    source.onopen = () => onState(true);
    source.onerror = () => {
      onState(false);
      // Closed for good: it was refused, or the host went away. A reload of the state finds out which.
      if (source?.readyState === EventSource.CLOSED) {
        close();
        if (!over) setTimeout(open, 3000);
      }
    };
    for (const name of names)
      source.addEventListener(name, (event) => {
        const number = Number(event.lastEventId);
        if (number) last = number;
        tell(name, JSON.parse(event.data));
      });
  };
  const close = () => {
    source?.close();
    source = null;
  };
  const look = () => (document.hidden ? close() : open());

  document.addEventListener("visibilitychange", look);
  open();
  return () => {
    over = true;
    document.removeEventListener("visibilitychange", look);
    close();
  };
}
