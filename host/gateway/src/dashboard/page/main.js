// Begins the page: the frame, the views, and the state that they show.

import { h, fill } from "./base/dom.js";
import { endSession } from "./base/api.js";
import { attempt } from "./base/notice.js";
import { start as route } from "./base/router.js";
import { start as follow, state, watch } from "./base/state.js";
import { takeDrops } from "./deploy/drop.js";
import { openDeploy } from "./deploy/dialog.js";
import { cycleTheme, showTheme } from "./theme.js";
import { deadLetters } from "./views/dead-letters.js";
import { events } from "./views/events.js";
import { host } from "./views/host.js";
import { overview } from "./views/overview.js";
import { service } from "./views/service.js";
import { topics } from "./views/topics.js";
import { traces } from "./views/traces.js";

const missing = () => ({
  title: "Not here",
  element: h(
    "div",
    { class: "view" },
    h("h1", {}, "There is nothing here"),
    h("p", {}, h("a", { href: "#/" }, "To the overview")),
  ),
});

const views = { overview, services: service, topics, traces, events, host, "dead-letters": deadLetters, missing };

function frame() {
  const pill = document.getElementById("state");
  const dead = document.getElementById("dead-count");
  watch(() => {
    const down = (state.services ?? []).filter((each) => each.active === undefined).length;
    const [kind, text] =
      !state.services && state.connected === false
        ? ["", "connecting"]
        : !state.connected
          ? ["bad", "not connected"]
          : state.bus
            ? ["bad", "bus away"]
            : down > 0
              ? ["warn", `${down} down`]
              : ["good", "ready"];
    pill.className = `pill ${kind}`;
    fill(pill, h("span", { class: "dot", "aria-hidden": "true" }), text);
    const count = state.subscriptions.reduce((sum, each) => sum + each.dead_letters, 0);
    dead.hidden = count === 0;
    fill(dead, String(count));
  });
  document.getElementById("deploy").addEventListener("click", () => openDeploy());
  document.getElementById("theme").addEventListener("click", cycleTheme);
  showTheme();
  document.getElementById("logout").addEventListener("click", () =>
    attempt(async () => {
      await endSession();
      location.assign("/dashboard/login");
    }),
  );
  document.getElementById("skip").addEventListener("click", (event) => {
    event.preventDefault();
    document.getElementById("main").focus();
  });
}

frame();
takeDrops();
route(views, document.getElementById("main"));
follow();
