// Messages that could not be handled: why, what they carry, and what to do with them.

import { fill, h, panel, table } from "../base/dom.js";
import { get, post, remove } from "../base/api.js";
import { confirm, open } from "../base/dialog.js";
import { ago, many, size } from "../base/format.js";
import { attempt, say } from "../base/notice.js";
import { refresh, state, watch } from "../base/state.js";

/** How many the page shows at a time. */
const PAGE = 100;

export function deadLetters(service = "") {
  const place = h("div", {}, h("p", { class: "wait" }, "Loading"));
  const all = h("button", { type: "button", onclick: () => replayAll(letters, load) }, "Replay all of these");
  let letters = [];
  let seen = null;
  const load = () =>
    attempt(async () => {
      letters = await get(`/v1/dead-letters?limit=${PAGE}${service ? `&service=${encodeURIComponent(service)}` : ""}`);
      all.hidden = letters.length === 0;
      fill(place, letterTable(letters, load));
    });
  // The count of the subscriptions says when there is something new.
  const stop = watch(() => {
    const count = state.subscriptions.reduce((sum, each) => sum + each.dead_letters, 0);
    if (count !== seen) load();
    seen = count;
  });
  const heading = h("div", { class: "row spread" }, h("h2", {}, service ? `Of ${service}` : "Of all services"), all);
  return {
    title: "Dead letters",
    element: h("div", { class: "view" }, h("h1", {}, "Dead letters"), panel(heading, place)),
    stop,
  };
}

const at = (letter) => `/v1/dead-letters/${encodeURIComponent(letter.topic)}/${letter.sequence}`;

function letterTable(letters, reload) {
  if (letters.length === 0)
    return h(
      "p",
      { class: "empty" },
      "There are none. What cannot be handled is tried again first, and then kept here.",
    );
  const columns = [
    ["Message"],
    ["Service"],
    ["Why"],
    ["Attempts", true],
    ["Replays", true],
    ["Size", true],
    ["Given up"],
    ["Actions"],
  ];
  return table(
    "Dead letters",
    columns,
    letters.map((letter) => [
      [h("span", { class: "mono" }, letter.message.id), h("div", { class: "dim mono" }, letter.message.topic)],
      h(
        "a",
        { href: `#/services/${letter.service}` },
        letter.revision ? `${letter.service}@${letter.revision}` : letter.service,
      ),
      letter.reason,
      letter.attempts,
      letter.replays,
      size(letter.message.size),
      h("span", { class: "nowrap" }, ago(letter.last)),
      h(
        "div",
        { class: "row" },
        button("Show", letter, () => show(letter)),
        button("Replay", letter, () =>
          attempt(async () => {
            await post(`${at(letter)}/replay`);
            say(`${letter.message.id} is on its way to ${letter.service}`);
            await reload();
            await refresh();
          }),
        ),
        button(
          "Drop",
          letter,
          async () => {
            if (!(await confirm("Drop this dead letter?", `${letter.message.id} is gone for good then.`, "Drop")))
              return;
            await attempt(async () => {
              await remove(at(letter));
              say(`${letter.message.id} is dropped`);
              await reload();
              await refresh();
            });
          },
          "danger",
        ),
      ),
    ]),
  );
}

const button = (text, letter, onclick, kind = "") =>
  h("button", { type: "button", class: `small ${kind}`, "aria-label": `${text} ${letter.message.id}`, onclick }, text);

async function show(letter) {
  await attempt(async () => {
    const whole = await get(at(letter));
    const dialog = open(
      "Dead letter",
      h(
        "div",
        { class: "inside" },
        h("h2", {}, letter.message.id),
        h("p", { class: "alert" }, letter.reason),
        h("pre", { class: "result" }, JSON.stringify(whole.original.event, null, 2)),
        h("div", { class: "row end" }, h("button", { type: "button", onclick: () => dialog.close() }, "Close")),
      ),
    );
  });
}

/** One after the other, so that a message that fails again does not keep the others. */
async function replayAll(letters, reload) {
  if (
    !(await confirm(
      `Replay ${many(letters.length, "dead letter")}?`,
      "Each goes to the subscription that it failed in, and its attempts count anew.",
      "Replay",
      false,
    ))
  )
    return;
  let count = 0;
  for (const letter of letters) if (await attempt(() => post(`${at(letter)}/replay`))) count += 1;
  say(`replayed ${many(count, "dead letter")}`);
  await reload();
  await refresh();
}
