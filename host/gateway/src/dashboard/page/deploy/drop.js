// Components that are dropped anywhere on the page.

import { openDeploy } from "./dialog.js";

export function takeDrops() {
  let depth = 0;
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  const show = (on) => document.body.classList.toggle("dropping", on);
  addEventListener("dragenter", (event) => {
    if (!hasFiles(event)) return;
    depth += 1;
    show(!document.querySelector("dialog[open]"));
  });
  addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    if (depth === 0) show(false);
  });
  addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    depth = 0;
    show(false);
    if (!hasFiles(event)) return;
    event.preventDefault();
    if (document.querySelector("dialog[open]")) return;
    const service = event.target.closest?.("[data-service]")?.dataset.service ?? "";
    openDeploy({ service, file: event.dataTransfer.files[0] });
  });
}
