// Event streams as text (HTML standard, 9.2.6), for answers to requests that `EventSource` cannot make.

/** Takes pieces of a stream, and calls `tell(name, data)` for each event with data of JSON. */
export function reader(tell) {
  let rest = "";
  return (piece) => {
    const blocks = (rest + piece).replaceAll("\r\n", "\n").split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const event = parsed(block);
      if (event) tell(event.name, event.data);
    }
  };
}

function parsed(block) {
  let name = "message";
  const data = [];
  for (const line of block.split("\n")) {
    const at = line.indexOf(":");
    const [field, value] = at < 0 ? [line, ""] : [line.slice(0, at), line.slice(at + 1).replace(/^ /, "")];
    if (field === "event") name = value;
    else if (field === "data") data.push(value);
  }
  return data.length > 0 ? { name, data: JSON.parse(data.join("\n")) } : null;
}
