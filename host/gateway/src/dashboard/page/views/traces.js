// Traces: which there were, and one as a waterfall.

import { fill, h, panel, table } from '../base/dom.js';
import { getIfThere } from '../base/api.js';
import { clock, duration } from '../base/format.js';
import { waterfall } from '../traces/waterfall.js';
import { secondsOf } from '../traces/spans.js';

const LIMIT = 100;

export function traces(id) {
  if (id) return oneTrace(id);
  const list = traceList('');
  return { title: 'Traces', element: h('div', { class: 'view' }, h('h1', {}, 'Traces'), list.element), stop: list.stop };
}

/** The traces that passed a service. */
export const serviceTraces = (name) => traceList(name);

function traceList(service) {
  const place = h('div', {}, h('p', { class: 'wait' }, 'Loading'));
  const faulted = h('input', { type: 'checkbox' });
  const load = async () => {
    const query = new URLSearchParams({ limit: String(LIMIT), ...(service && { service }), ...(faulted.checked && { faulted: 'true' }) });
    try {
      const found = await getIfThere(`/v1/traces?${query}`);
      fill(place, found ? traceTable(Array.isArray(found) ? found : found.traces) : h('p', { class: 'empty' }, 'This host keeps no traces.'));
    } catch (problem) {
      fill(place, h('p', { class: 'empty' }, problem.message));
    }
  };
  faulted.addEventListener('change', load);
  load();
  const timer = setInterval(() => document.hidden || load(), 3000);
  const heading = h('div', { class: 'row spread' }, h('h2', {}, service ? `Traces that passed ${service}` : 'The newest traces'), h('label', { class: 'check' }, faulted, 'Only those with faults'));
  return { element: panel(heading, place), stop: () => clearInterval(timer) };
}

function traceTable(found) {
  if (found.length === 0) return h('p', { class: 'empty' }, 'There is none yet. Traces are kept for a while once calls are sampled.');
  return table('Traces', [['Trace'], ['Time'], ['Services'], ['Spans', true], ['Took', true], ['Fault']], found.map((trace) => [
    [h('a', { href: `#/traces/${trace.traceId}` }, trace.name ?? trace.traceId.slice(0, 12)), h('div', { class: 'mono dim' }, trace.traceId.slice(0, 16))],
    h('span', { class: 'mono nowrap' }, clock(trace.start ?? trace.started ?? trace.time)),
    (trace.services ?? [trace.service]).filter(Boolean).join(', '), trace.spans ?? '–', duration(secondsOf(trace)),
    trace.fault || trace.faulted ? h('span', { class: 'bad' }, typeof trace.fault === 'string' ? trace.fault : 'fault') : '',
  ]));
}

function oneTrace(id) {
  const place = h('div', { class: 'view' }, h('p', { class: 'wait' }, 'Loading'));
  getIfThere(`/v1/traces/${encodeURIComponent(id)}`).then((trace) => {
    fill(place, trace ? waterfall(Array.isArray(trace) ? trace : trace.spans) : panel('Trace', h('p', { class: 'empty' }, 'The host does not keep this trace any longer.')));
  }, (problem) => fill(place, panel('Trace', h('p', { class: 'empty' }, problem.message))));
  const head = h('div', { class: 'title' }, h('h1', {}, 'Trace'), h('span', { class: 'mono dim' }, id), h('div', { class: 'row' }, h('a', { href: '#/traces' }, 'All traces')));
  return { title: 'Trace', element: h('div', { class: 'view' }, head, place) };
}
