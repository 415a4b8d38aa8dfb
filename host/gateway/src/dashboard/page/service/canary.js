// A canary: how it does, and the buttons that end it; and the form to begin one.

import { fill, h, panel, pill, table } from "../base/dom.js";
import { change } from "../base/api.js";
import { confirm, open } from "../base/dialog.js";
import { share } from "../base/format.js";
import { attempt, say } from "../base/notice.js";
import { refresh } from "../base/state.js";
import { planFields } from "../deploy/plan.js";

const PHASES = {
  baking: "baking",
  prolonged: "waits for more calls",
  waiting: "waits for you",
  halted: "is being written down",
};

export function canaryPanel(found) {
  const { canary } = found;
  const numbers = (name, each) => [
    name,
    each.calls,
    each.errors,
    share(each.errors, each.calls),
    each.p50 ?? "–",
    each.p99 ?? "–",
  ];
  const act = (what, question, text) => async () => {
    if (await confirm(question, text, what === "promote" ? "Promote" : "Abort", what === "abort"))
      await end(found.name, what);
  };
  const heading = h(
    "div",
    { class: "row spread" },
    h(
      "div",
      { class: "row" },
      h("h2", {}, `Canary of ${canary.revision}`),
      pill(PHASES[canary.phase] ?? canary.phase, "warn"),
    ),
    h(
      "div",
      { class: "row" },
      h(
        "button",
        {
          type: "button",
          class: "primary",
          onclick: act("promote", `Promote ${canary.revision}?`, "It serves all calls from now on."),
        },
        "Promote",
      ),
      h(
        "button",
        {
          type: "button",
          class: "danger",
          onclick: act(
            "abort",
            `Abort the canary of ${canary.revision}?`,
            "What served before it serves all calls again.",
          ),
        },
        "Abort",
      ),
    ),
  );
  return panel(
    heading,
    h(
      "div",
      { class: "inside" },
      h(
        "p",
        {},
        `Step ${canary.step} of ${canary.steps}: ${canary.share} of the calls for ${canary.baked} so far. It has cost ${canary.errors} errors.`,
      ),
      canary.reason ? h("p", { class: "alert mild" }, canary.reason) : null,
    ),
    table(
      "The canary against what serves",
      [["Revision"], ["Calls", true], ["Errors", true], ["Share", true], ["p50", true], ["p99", true]],
      [numbers("candidate", canary.candidate), numbers("stable", canary.stable)],
    ),
  );
}

async function end(name, what) {
  await attempt(async () => {
    const outcome = await change("POST", `/v1/services/${name}/canary/${what}`, {});
    say(what === "promote" ? `${outcome.revision} serves` : `the canary of ${outcome.revision} is over`);
    await refresh();
  });
}

/** Asks how a retained revision is to be tried. */
export function openCanary(found, revision) {
  const why = h("div", { role: "alert" });
  const fields = planFields();
  const form = h(
    "form",
    {},
    h("h2", {}, `Try ${revision.revision} as a canary`),
    h("p", { class: "dim" }, "It gets a growing share of the calls, and is promoted or ended by its numbers."),
    fields.elements,
    why,
    h(
      "div",
      { class: "row end" },
      h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
      h("button", { type: "submit", class: "primary" }, "Begin"),
    ),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await change("POST", `/v1/services/${found.name}/canary`, {
        revision: revision.number,
        plan: fields.plan(),
      });
      dialog.close();
      say(`${revision.revision} gets its first share`);
      await refresh();
    } catch (problem) {
      fill(why, h("p", { class: "alert" }, problem.message));
    }
  });
  const dialog = open("Begin a canary", form);
}
