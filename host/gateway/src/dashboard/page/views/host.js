// The host itself: where it listens, what it holds, how it is configured.

import { fill, facts, h, panel, pill, table } from "../base/dom.js";
import { ago, short, size } from "../base/format.js";
import { state, watch } from "../base/state.js";

export function host() {
  const place = h("div", { class: "view" });
  const stop = watch(() => state.host && fill(place, shown(state.host)));
  return { title: "Host", element: h("div", { class: "view" }, h("h1", {}, "Host"), place), stop };
}

function shown({
  version,
  started,
  uptime,
  listeners,
  state_dir: directory,
  usage,
  load,
  bus,
  config,
  needs_restart: restart,
}) {
  const shed = ["high", "normal", "low"].map((name) => [name, `${load[name].share / 10} %`, short(load[name].refused)]);
  return [
    restart.length > 0
      ? h("p", { class: "alert mild" }, `These keys of runtime.toml hold after a restart: ${restart.join(", ")}`)
      : null,
    h(
      "div",
      { class: "columns" },
      panel(
        "This host",
        h(
          "div",
          { class: "inside" },
          facts([
            ["Version", version],
            ["Up", `${uptime}, since ${ago(started)}`],
            ["Callers", listeners.http_url],
            ["Operators", listeners.admin_url],
            ["State", directory],
            ["Bus", bus.ready ? pill("ready", "good") : pill(bus.reason, "bad")],
          ]),
        ),
      ),
      panel(
        "In memory",
        h(
          "div",
          { class: "inside" },
          facts([
            ["Instances", usage.instances],
            ["Memory of instances", size(usage.memory_bytes)],
            ["Components", usage.components],
            ["Machine code", size(usage.code_bytes)],
            ["Stuck threads", usage.stuck_threads > 0 ? h("span", { class: "bad" }, usage.stuck_threads) : 0],
          ]),
        ),
      ),
      panel(
        "Refused because of load",
        table("Refused because of load", [["Priority"], ["Refused now", true], ["Refused so far", true]], shed),
      ),
    ),
    panel(
      "Configuration",
      table(
        "Configuration",
        [["Key"], ["Value"]],
        Object.entries(config).map(([key, value]) => [
          h("span", { class: "mono" }, key),
          h("span", { class: "mono" }, value),
        ]),
      ),
    ),
  ];
}
