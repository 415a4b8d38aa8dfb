// Types of WIT, read from the notation in which the admin API shows a contract.

import { split } from "./text.js";

const PLAIN = new Set(["bool", "s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "f32", "f64", "char", "string"]);

/** How deep types may be nested: as deep as the host lets them be. */
const DEEPEST = 128;

/** Reads a function, `name: func(a: t) -> u`, with the declarations of its interface. Returns `{ name, params, result }`.
 * A type that cannot be given in a form is of the kind `unknown`. */
export function parseFunction(text, declarations = []) {
  const match = /^([^:\s]+): (?:static )?(?:async )?func\((.*)$/s.exec(text);
  if (!match) return null;
  const end = closing(match[2]);
  const types = declared(declarations);
  const result = match[2]
    .slice(end + 1)
    .replace(/^\s*->\s*/, "")
    .trim();
  return {
    name: match[1],
    params: named(match[2].slice(0, end)).map(([name, type]) => ({ name, type: parseType(type, types) })),
    result: result ? parseType(result, types) : null,
  };
}

/** Where the bracket that is open at the beginning of `text` closes. */
function closing(text) {
  let depth = 1;
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === "(") depth += 1;
    if (text[at] === ")") depth -= 1;
    if (depth === 0) return at;
  }
  return text.length;
}

/** `a: t, b: u` as pairs. */
const named = (text) =>
  split(text).map((part) => {
    const at = part.indexOf(":");
    return [part.slice(0, at).trim(), part.slice(at + 1).trim()];
  });

/** Declarations by the names that they give. A name that stands for two types stands for none. */
function declared(declarations) {
  const types = new Map();
  for (const text of declarations) {
    const match = /^(?:(record|variant|enum|flags) (\S+) (\{.*\})|type (\S+) = (.*))$/s.exec(text);
    if (!match) continue;
    const [name, shape] = match[1] ? [match[2], `${match[1]} ${match[3]}`] : [match[4], match[5]];
    types.set(name, types.has(name) ? null : shape);
  }
  return types;
}

/** Reads a type. */
export function parseType(text, types = new Map(), depth = 0) {
  const inner = (part) => parseType(part, types, depth + 1);
  const type = (kind, more = {}) => ({ kind, text, ...more });
  if (depth > DEEPEST) return type("unknown");
  if (PLAIN.has(text)) return type(text);
  const braces = /^(record|variant|enum|flags) \{ ?(.*?) ?\}$/s.exec(text);
  if (braces) return type(braces[1], inBraces(braces[1], braces[2], inner));
  const angles = /^(list|option|tuple|result)(?:<(.*)>)?$/s.exec(text);
  if (angles) return inAngles(angles[1], angles[2] ? split(angles[2]) : [], inner, type);
  const shape = types.get(text);
  // By its name for people, by its shape for the form.
  return shape ? { ...inner(shape), text } : type("unknown");
}

function inBraces(kind, text, inner) {
  if (kind === "record") return { fields: named(text).map(([name, type]) => ({ name, type: inner(type) })) };
  if (kind !== "variant") return { names: split(text) };
  const cases = split(text).map((part) => {
    const at = part.indexOf("(");
    return at < 0 ? { name: part, type: null } : { name: part.slice(0, at), type: inner(part.slice(at + 1, -1)) };
  });
  return { cases };
}

function inAngles(kind, parts, inner, type) {
  if (kind === "tuple") return type("tuple", { items: parts.map(inner) });
  if (kind === "option") return type("option", { some: inner(parts[0] ?? "") });
  if (kind === "list") return type("list", { item: inner(parts[0] ?? ""), length: parts[1] ? Number(parts[1]) : null });
  const [ok, err] = parts.map((part) => (part === "_" ? null : inner(part)));
  return type("result", { ok: ok ?? null, err: err ?? null });
}

/** Whether every part of a type can be given in a form. */
export function isKnown(type) {
  if (!type) return true;
  const inside = [
    type.some,
    type.item,
    type.ok,
    type.err,
    ...(type.items ?? []),
    ...(type.fields ?? []).map((field) => field.type),
    ...(type.cases ?? []).map((each) => each.type),
  ];
  return type.kind !== "unknown" && inside.every((part) => isKnown(part));
}
