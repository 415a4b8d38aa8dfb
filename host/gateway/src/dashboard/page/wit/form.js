// Fields for a value of any WIT type. Each part is `{ element, read }`: `read` returns the value as JSON, and throws where a
// field says nothing that the type has.

import { fill, h } from "../base/dom.js";
import { initial, isBytes, isPlain, fromText, ofCase, some } from "./value.js";

let count = 0;

/** The fields for a value of `type`, which people know as `name`. */
export function fieldFor(type, name) {
  if (type.kind === "bool") return ofBool(type, name);
  if (isPlain(type)) return ofText(type, name);
  const make = {
    record: ofRecord,
    tuple: ofTuple,
    list: ofList,
    option: ofOption,
    enum: ofEnum,
    flags: ofFlags,
    variant: ofVariant,
    result: ofResult,
  };
  return (make[type.kind] ?? ofJson)(type, name);
}

const typeMark = (type) => h("span", { class: "type" }, ` ${short(type.text)}`);
const short = (text) => (text.length > 48 ? `${text.slice(0, 47)}…` : text);

/** A label with a control, and a place for what is wrong with it. */
function labelled(type, name, control, read) {
  count += 1;
  const id = `value-${count}`;
  const wrong = h("small", { class: "bad", id: `${id}-wrong`, role: "alert" });
  control.id = id;
  const element = h(
    "div",
    { class: "value" },
    h("label", { class: "field", for: id }, h("span", {}, name, typeMark(type))),
    control,
    wrong,
  );
  const checked = () => {
    try {
      const value = read();
      control.removeAttribute("aria-invalid");
      control.removeAttribute("aria-describedby");
      wrong.textContent = "";
      return value;
    } catch (problem) {
      control.setAttribute("aria-invalid", "true");
      control.setAttribute("aria-describedby", wrong.id);
      wrong.textContent = problem.message;
      throw new Error(`${name}: ${problem.message}`, { cause: control });
    }
  };
  return { element, read: checked };
}

function ofText(type, name) {
  const long = type.kind === "string" || isBytes(type);
  const control = h("input", {
    type: "text",
    value: String(initial(type)),
    inputmode: long || type.kind === "char" ? null : "decimal",
    spellcheck: "false",
    autocomplete: "off",
  });
  return labelled(type, name, control, () => fromText(type, control.value));
}

function ofBool(type, name) {
  const control = h("input", { type: "checkbox" });
  const element = h(
    "div",
    { class: "value" },
    h("label", { class: "check" }, control, h("span", {}, name, typeMark(type))),
  );
  return { element, read: () => control.checked };
}

function ofEnum(type, name) {
  const control = h(
    "select",
    {},
    type.names.map((each) => h("option", {}, each)),
  );
  return labelled(type, name, control, () => control.value);
}

function ofFlags(type, name) {
  const boxes = type.names.map((each) => [each, h("input", { type: "checkbox" })]);
  const element = group(
    type,
    name,
    boxes.map(([each, box]) => h("label", { class: "check" }, box, each)),
  );
  return { element, read: () => boxes.filter(([, box]) => box.checked).map(([each]) => each) };
}

function group(type, name, ...inside) {
  return h("fieldset", { class: "value" }, h("legend", {}, name, typeMark(type)), h("div", { class: "parts" }, inside));
}

function ofRecord(type, name) {
  const fields = type.fields.map((field) => [field.name, fieldFor(field.type, field.name)]);
  const element = group(
    type,
    name,
    fields.map(([, field]) => field.element),
  );
  return { element, read: () => Object.fromEntries(fields.map(([key, field]) => [key, field.read()])) };
}

function ofTuple(type, name) {
  const items = type.items.map((item, at) => fieldFor(item, `${at + 1}.`));
  return {
    element: group(
      type,
      name,
      items.map((item) => item.element),
    ),
    read: () => items.map((item) => item.read()),
  };
}

function ofList(type, name) {
  const fixed = type.length !== null;
  const items = [];
  const list = h("div", { class: "parts" });
  const add = () => {
    const field = fieldFor(type.item, `${name} ${items.length + 1}`);
    const drop = () => {
      items.splice(items.indexOf(field), 1);
      row.remove();
      more?.focus();
    };
    const row = h(
      "div",
      { class: "item" },
      field.element,
      fixed
        ? null
        : h(
            "button",
            {
              type: "button",
              class: "quiet small",
              "aria-label": `Take ${name} ${items.length + 1} out`,
              onclick: drop,
            },
            "✕",
          ),
    );
    items.push(field);
    list.append(row);
    return row;
  };
  for (let at = 0; fixed && at < Math.min(type.length, 64); at += 1) add();
  const more = fixed
    ? null
    : h(
        "button",
        {
          type: "button",
          class: "small",
          onclick: () => add().querySelector("input, select, textarea, button")?.focus(),
        },
        `Add to ${name}`,
      );
  return {
    element: group(type, name, list, more ? h("div", {}, more) : null),
    read: () => items.map((item) => item.read()),
  };
}

/** A choice of which part is there, with the fields of that part. */
function choice(type, name, options, read) {
  const select = h(
    "select",
    { "aria-label": `Which ${name}` },
    options.map(([label]) => h("option", {}, label)),
  );
  const place = h("div", { class: "parts" });
  let field = null;
  const choose = () => {
    const [label, inner] = options[select.selectedIndex];
    field = inner ? fieldFor(inner, label) : null;
    fill(place, field?.element);
  };
  select.addEventListener("change", choose);
  choose();
  return { element: group(type, name, select, place), read: () => read(select.selectedIndex, field?.read()) };
}

const ofOption = (type, name) =>
  choice(
    type,
    name,
    [
      ["none", null],
      ["some", type.some],
    ],
    (at, value) => (at === 0 ? null : some(type, value)),
  );
const ofVariant = (type, name) =>
  choice(
    type,
    name,
    type.cases.map((each) => [each.name, each.type]),
    (at, value) => ofCase(type.cases[at], value),
  );
const ofResult = (type, name) =>
  choice(
    type,
    name,
    [
      ["ok", type.ok],
      ["err", type.err],
    ],
    (at, value) => ({ [at === 0 ? "ok" : "err"]: value ?? null }),
  );

function ofJson(type, name) {
  const control = h("textarea", { rows: 3, spellcheck: "false" }, "null");
  return labelled(type, name, control, () => {
    try {
      return JSON.parse(control.value);
    } catch {
      throw new Error("JSON, please");
    }
  });
}
