// Which service a file is for, as far as its name tells.

/** `target/orders.wasm` is most likely the service `orders`. */
export const nameOf = (file) =>
  file
    .replace(/^.*[\\/]/, "")
    .replace(/\.wasm$/, "")
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-")
    .replace(/^[^a-z]+/, "");
