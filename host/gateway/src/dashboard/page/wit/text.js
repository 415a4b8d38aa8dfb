// A part of a contract as the text of a WIT interface.

/** `{ name, functions, types }` of the admin API as WIT. */
export function witText({ name, functions, types = [] }) {
  const short = name.replace(/^.*\//, "").replace(/@.*$/, "");
  const body = [...types.map(broken), ...functions.map((each) => `${each};`)];
  if (body.length === 0) return `interface ${short} {}  // it offers no functions that are used here`;
  return `interface ${short} {\n${indented(body.join("\n"))}\n}`;
}

/** A declaration over several lines: one for each field or case. */
function broken(declaration) {
  const match = /^(record|variant|enum|flags) (\S+) \{ (.*) \}$/.exec(declaration);
  if (!match) return `${declaration};`;
  const [, keyword, name, inside] = match;
  return `${keyword} ${name} {\n${indented(
    split(inside)
      .map((part) => `${part},`)
      .join("\n"),
  )}\n}`;
}

const indented = (text) => text.replace(/^(?=.)/gm, "  ");

/** Splits at commas that are in no brackets. */
export function split(text) {
  const parts = [];
  let depth = 0;
  let begin = 0;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if ("<({".includes(char)) depth += 1;
    // The end of `->` closes nothing.
    else if (")}".includes(char) || (char === ">" && text[at - 1] !== "-")) depth -= 1;
    else if (char === "," && depth === 0) {
      parts.push(text.slice(begin, at).trim());
      begin = at + 1;
    }
  }
  const last = text.slice(begin).trim();
  return last ? [...parts, last] : parts;
}
