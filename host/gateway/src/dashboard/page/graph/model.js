// What the graph shows: nodes and edges, made of what the API says of services, topics and subscriptions.

import { linkKey, subscriptionKey } from "../base/rates.js";

/** The nodes and edges. Topics that are only published to or only read from are there, too. */
export function model({ services, topics, subscriptions, rates, deliveries }) {
  const nodes = new Map();
  const edges = [];
  const node = (id, kind, name) => {
    if (!nodes.has(id)) nodes.set(id, { id, kind, name });
    return id;
  };
  for (const service of services) {
    Object.assign(nodes.get(node(serviceId(service.name), "service", service.name)), {
      service,
      health: health(service),
    });
  }
  const isOutside = services.filter((service) => routesOf(service).length > 0);
  for (const service of isOutside) {
    edges.push(
      callEdge(node("outside", "outside", "Outside"), serviceId(service.name), "outside", service.name, rates),
    );
  }
  for (const service of services) edges.push(...links(service, rates));
  for (const topic of topics) {
    for (const publisher of topic.settings.publishers ?? []) {
      if (nodes.has(serviceId(publisher)))
        edges.push(
          eventEdge(serviceId(publisher), node(topicId(topic.topic), "topic", topic.topic), topic.topic, rates),
        );
    }
  }
  for (const subscription of subscriptions) {
    // A topic that is declared with a filter stands for those that a subscription names.
    const declared = topics.find(({ topic }) => topic === subscription.topic || fits(topic, subscription.topic));
    const id = node(topicId(declared?.topic ?? subscription.topic), "topic", declared?.topic ?? subscription.topic);
    const edge = eventEdge(id, serviceId(subscription.service), subscription.topic, rates);
    const flow = deliveries?.get(subscriptionKey(subscription)) ?? 0;
    edges.push({ ...edge, flow, lag: subscription.lag, waits: subscription.state !== "active" });
  }
  const ids = new Set(nodes.keys());
  return { nodes: [...nodes.values()], edges: joined(edges.filter(({ from, to }) => ids.has(from) && ids.has(to))) };
}

const serviceId = (name) => `service:${name}`;
const topicId = (name) => `topic:${name}`;
const routesOf = (service) => [...service.routes.declared, ...service.routes.deployed];

/** How a service does: `good`, `warn` or `bad`. */
export function health(service) {
  if (service.active === undefined) return "bad";
  return service.breaker || service.canary ? "warn" : "good";
}

function links(service, rates) {
  const broken = (link) => !link.service;
  return service.links
    .filter((link) => !broken(link))
    .map((link) => ({
      ...callEdge(serviceId(service.name), serviceId(link.service), service.name, link.service, rates),
      interfaces: [link.interface],
    }));
}

function callEdge(from, to, caller, service, rates) {
  return {
    from,
    to,
    kind: "call",
    caller,
    service,
    interfaces: [],
    rates: rates?.links.get(linkKey(caller, service)) ?? null,
  };
}

function eventEdge(from, to, topic, rates) {
  const found = rates ? [...rates.topics].find(([name]) => name === topic || fits(topic, name)) : null;
  return { from, to, kind: "event", topic, flow: found?.[1].published ?? 0 };
}

/** Edges between the same nodes as one: a service may import several interfaces of another. */
function joined(edges) {
  const byEnds = new Map();
  for (const edge of edges) {
    const ends = `${edge.from} ${edge.to}`;
    const known = byEnds.get(ends);
    if (known) known.interfaces = [...(known.interfaces ?? []), ...(edge.interfaces ?? [])];
    else byEnds.set(ends, edge);
  }
  return [...byEnds.values()];
}

/** Whether a topic is one of those that a filter stands for: `*` is one part, `>` is all that follow. */
export function fits(filter, topic) {
  const [wanted, found] = [filter.split("."), topic.split(".")];
  for (const [at, part] of wanted.entries()) {
    if (part === ">") return found.length > at;
    if (at >= found.length || (part !== "*" && part !== found[at])) return false;
  }
  return wanted.length === found.length;
}
