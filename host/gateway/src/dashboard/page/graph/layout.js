// Where nodes go: in layers from left to right, callers before those they call, with few crossings (after Sugiyama,
// Tagawa and Toda). Pure, and the same for the same graph, so that nothing jumps while one looks at it.

/** Places nodes of `{ id, width, height }` and edges of `{ from, to }`. Returns the size of the whole, the nodes with `x` and
 * `y` of their middle, and the edges with the points that they pass. */
export function layout(nodes, edges, { gap = 132, beside = 22, margin = 12 } = {}) {
  if (nodes.length === 0) return { width: 0, height: 0, nodes: [], edges: [] };
  const ids = nodes.map(({ id }) => id).sort();
  const real = edges.filter(({ from, to }) => from !== to);
  const forward = withoutCycles(ids, real);
  const layerOf = layers(ids, forward);
  const { rows, chains } = inRows(nodes, forward, layerOf);
  untangle(rows);
  place(rows, { gap, beside, margin });
  return finished(rows, chains, real, margin);
}

/** Edges that all lead onwards: those that would close a circle are turned around. */
function withoutCycles(ids, edges) {
  const state = new Map();
  const out = new Map(ids.map((id) => [id, []]));
  edges.forEach((edge, at) => out.get(edge.from).push({ ...edge, at }));
  out.forEach((list) => list.sort((a, b) => (a.to < b.to ? -1 : 1)));
  const turned = new Set();
  const visit = (id) => {
    state.set(id, "open");
    for (const { to, at } of out.get(id)) {
      if (state.get(to) === "open") turned.add(at);
      else if (!state.has(to)) visit(to);
    }
    state.set(id, "done");
  };
  // Whoever nobody calls comes first, so that circles are turned where they end.
  const called = new Set(edges.map(({ to }) => to));
  for (const id of [...ids.filter((id) => !called.has(id)), ...ids]) if (!state.has(id)) visit(id);
  return edges.map(({ from, to }, at) =>
    turned.has(at) ? { from: to, to: from, at, turned: true } : { from, to, at, turned: false },
  );
}

/** The layer of each node: one behind the last of those that lead to it. */
function layers(ids, edges) {
  const layer = new Map(ids.map((id) => [id, 0]));
  for (let round = 0; round < ids.length; round += 1) {
    let moved = false;
    for (const { from, to } of edges) {
      if (layer.get(to) <= layer.get(from)) {
        layer.set(to, layer.get(from) + 1);
        moved = true;
      }
    }
    if (!moved) break;
  }
  return layer;
}

/** The layers as rows of items. An edge over several layers gets an item in each of them, so that it has a place, too. */
function inRows(nodes, edges, layerOf) {
  const rows = Array.from({ length: Math.max(...layerOf.values()) + 1 }, () => []);
  const items = new Map();
  for (const node of [...nodes].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    const item = { node, id: node.id, width: node.width, height: node.height, before: [], after: [] };
    items.set(node.id, item);
    rows[layerOf.get(node.id)].push(item);
  }
  const chains = edges.map(({ from, to, at, turned }) => {
    const chain = [items.get(from)];
    for (let layer = layerOf.get(from) + 1; layer < layerOf.get(to); layer += 1) {
      const item = { node: null, id: `${from} ${to} ${layer}`, width: 0, height: 18, before: [], after: [] };
      rows[layer].push(item);
      chain.push(item);
    }
    chain.push(items.get(to));
    for (let step = 1; step < chain.length; step += 1) {
      chain[step - 1].after.push(chain[step]);
      chain[step].before.push(chain[step - 1]);
    }
    return { at, turned, chain };
  });
  return { rows, chains };
}

/** Orders each row by where the neighbours of its items are, forth and back, and keeps the order that crosses least. */
function untangle(rows) {
  const number = () =>
    rows.forEach((row) =>
      row.forEach((item, at) => {
        item.at = at;
      }),
    );
  number();
  let best = rows.map((row) => [...row]);
  let least = crossings(rows);
  for (let sweep = 0; sweep < 12 && least > 0; sweep += 1) {
    const down = sweep % 2 === 0;
    for (const row of down ? rows : [...rows].reverse()) {
      const middle = (item) => {
        const near = down ? item.before : item.after;
        return near.length === 0 ? item.at : near.reduce((sum, other) => sum + other.at, 0) / near.length;
      };
      const wanted = new Map(row.map((item) => [item, middle(item)]));
      row.sort((a, b) => wanted.get(a) - wanted.get(b) || a.at - b.at);
      row.forEach((item, at) => {
        item.at = at;
      });
    }
    const found = crossings(rows);
    if (found < least) {
      least = found;
      best = rows.map((row) => [...row]);
    }
  }
  best.forEach((row, at) => {
    rows[at] = row;
  });
  number();
}

function crossings(rows) {
  let count = 0;
  for (const row of rows) {
    const ends = row.flatMap((item) => item.after.map((other) => [item.at, other.at]));
    for (let a = 0; a < ends.length; a += 1) {
      for (let b = a + 1; b < ends.length; b += 1) {
        if ((ends[a][0] - ends[b][0]) * (ends[a][1] - ends[b][1]) < 0) count += 1;
      }
    }
  }
  return count;
}

/** Gives items their places: rows become columns, each item as near to its neighbours as those beside it allow. */
function place(rows, { gap, beside, margin }) {
  let x = margin;
  for (const row of rows) {
    const width = Math.max(...row.map((item) => item.width));
    let y = margin;
    for (const item of row) {
      item.x = x + width / 2;
      item.y = y + item.height / 2;
      y += item.height + beside;
    }
    x += width + gap;
  }
  for (let round = 0; round < 8; round += 1) {
    for (const row of round % 2 === 0 ? rows : [...rows].reverse()) settle(row, beside);
  }
}

function settle(row, beside) {
  const wanted = row.map((item) => {
    const near = [...item.before, ...item.after];
    return near.length === 0 ? item.y : near.reduce((sum, other) => sum + other.y, 0) / near.length;
  });
  // Down, so that nothing overlaps; then the whole is moved to where it wanted to be on average.
  let floor = -Infinity;
  row.forEach((item, at) => {
    item.y = Math.max(wanted[at], floor + item.height / 2);
    floor = item.y + item.height / 2 + beside;
  });
  const off = row.reduce((sum, item, at) => sum + wanted[at] - item.y, 0) / row.length;
  row.forEach((item) => {
    item.y += off;
  });
}

function finished(rows, chains, edges, margin) {
  const items = rows.flat();
  const top = Math.min(...items.map((item) => item.y - item.height / 2)) - margin;
  items.forEach((item) => {
    item.x = Math.round(item.x);
    item.y = Math.round(item.y - top);
  });
  const placed = items.filter((item) => item.node).map((item) => ({ ...item.node, x: item.x, y: item.y }));
  const paths = edges.map((edge) => ({ ...edge, points: [] }));
  for (const { at, turned, chain } of chains) {
    const points = chain.map((item, step) => {
      const side = step === 0 ? item.width / 2 : step === chain.length - 1 ? -item.width / 2 : 0;
      return [item.x + side, item.y];
    });
    paths[at].points = turned ? points.reverse() : points;
  }
  return {
    width: Math.max(...items.map((item) => item.x + item.width / 2)) + margin,
    height: Math.max(...items.map((item) => item.y + item.height / 2)) + margin,
    nodes: placed,
    edges: paths,
  };
}

/** A smooth line through points, as the `d` of a path. */
export function curve(points) {
  const [first, ...rest] = points.map(([x, y]) => [Math.round(x), Math.round(y)]);
  let [x, y] = first;
  let d = `M${x},${y}`;
  for (const [nextX, nextY] of rest) {
    const half = (nextX - x) / 2;
    d += ` C${x + half},${y} ${nextX - half},${nextY} ${nextX},${nextY}`;
    [x, y] = [nextX, nextY];
  }
  return d;
}

/** How far along its piece of line a label stands: beyond the middle, where lines from one node have parted. */
const ALONG = 0.62;

/** Where the label of a line goes: on the longest piece of it. */
export function labelPlace(points) {
  let best = null;
  for (let at = 1; at < points.length; at += 1) {
    const [[ax, ay], [bx, by]] = [points[at - 1], points[at]];
    const length = Math.abs(bx - ax);
    if (!best || length > best.length)
      best = { length, x: between(ax, (ax + bx) / 2, bx), y: between(ay, (ay + by) / 2, by, true) };
  }
  return best;
}

/** A coordinate of the curve there. Its handles lie at half the way in one direction, and at the ends in the other. */
function between(from, half, to, level = false) {
  const [t, u] = [ALONG, 1 - ALONG];
  const [first, second] = level ? [from, to] : [half, half];
  return u ** 3 * from + 3 * u * u * t * first + 3 * u * t * t * second + t ** 3 * to;
}
