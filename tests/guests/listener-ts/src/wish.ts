// What the data of a message ask for, in words: the first one says what, the others with what.

export type Wish =
  | { what: "acknowledge" }
  | { what: "fail" }
  | { what: "trap" }
  | { what: "publish"; topic: string; id: string; data: string }
  | { what: "ask"; topic: string; wanted: number; ms: number; data: string }
  | { what: "answer"; data: string };

/** Reads the data of a message. */
export function read(data: Uint8Array): Wish {
  const words = new TextDecoder().decode(data).split(" ");
  const [what, topic = "", third = "", fourth = ""] = words;
  switch (what) {
    case "retry":
      return { what: "fail" };
    case "trap":
      return { what: "trap" };
    case "publish":
      return { what: "publish", topic, id: third, data: words.slice(3).join(" ") };
    case "ask":
      return { what: "ask", topic, wanted: Number(third), ms: Number(fourth), data: words.slice(4).join(" ") };
    case "answer":
      return { what: "answer", data: words.slice(1).join(" ") };
    default:
      return { what: "acknowledge" };
  }
}
