// Values of WIT types as the admin API takes them in JSON (docs/packed.md), without any element of the page: what a form
// begins with, and what the text in a field stands for.

const RANGES = {
  u8: [0n, 255n],
  s8: [-128n, 127n],
  u16: [0n, 65535n],
  s16: [-32768n, 32767n],
  u32: [0n, 4294967295n],
  s32: [-2147483648n, 2147483647n],
  u64: [0n, 18446744073709551615n],
  s64: [-9223372036854775808n, 9223372036854775807n],
};

/** Whether a type is a whole number. */
export const isInteger = (kind) => kind in RANGES;

/** Whether it is given in one field. */
export const isPlain = (type) =>
  isInteger(type.kind) || ["bool", "f32", "f64", "char", "string"].includes(type.kind) || isBytes(type);

/** `list<u8>`, which is one field of base64. */
export const isBytes = (type) => type.kind === "list" && type.item.kind === "u8";

/** The value that a form begins with. */
export function initial(type) {
  switch (type.kind) {
    case "bool":
      return false;
    case "string":
      return "";
    case "char":
      return "a";
    case "record":
      return Object.fromEntries(type.fields.map((field) => [field.name, initial(field.type)]));
    case "tuple":
      return type.items.map(initial);
    case "list":
      return isBytes(type) ? "" : Array.from({ length: type.length ?? 0 }, () => initial(type.item));
    case "option":
      return null;
    case "enum":
      return type.names[0] ?? "";
    case "flags":
      return [];
    case "variant":
      return ofCase(type.cases[0], type.cases[0]?.type ? initial(type.cases[0].type) : undefined);
    case "result":
      return { ok: type.ok ? initial(type.ok) : null };
    case "unknown":
      return null;
    default:
      return 0;
  }
}

/** A case of a variant with its payload, if it has one. */
export const ofCase = ({ name, type }, payload) => (type ? { [name]: payload } : name);

/** An option that is there. One of an option says so, since `null` within it would be nothing otherwise. */
export const some = (type, value) => (type.some.kind === "option" ? { some: value } : value);

/** What the text of a field stands for. Throws with a sentence if it stands for nothing. */
export function fromText(type, text) {
  if (isInteger(type.kind)) return integer(type.kind, text.trim());
  if (type.kind === "f32" || type.kind === "f64") return float(text.trim());
  if (type.kind === "char") {
    if ([...text].length !== 1) throw new Error("one character, please");
    return text;
  }
  if (isBytes(type) && !/^[A-Za-z0-9+/]*={0,2}$/.test(text.trim())) throw new Error("base64, please");
  return isBytes(type) ? text.trim() : text;
}

function integer(kind, text) {
  const [least, most] = RANGES[kind];
  if (!/^[+-]?\d+$/.test(text)) throw new Error("a whole number, please");
  const value = BigInt(text.replace(/^\+/, ""));
  if (value < least || value > most) throw new Error(`between ${least} and ${most}, please`);
  // Beyond that JSON would round it.
  return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
}

function float(text) {
  if (["NaN", "Infinity", "-Infinity"].includes(text)) return text;
  const value = Number(text);
  if (text === "" || !Number.isFinite(value)) throw new Error("a number, please");
  return value;
}
