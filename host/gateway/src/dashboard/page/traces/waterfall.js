// A trace as a waterfall: a row for each span, with a bar where it lies in time.

import { facts, fill, h, panel } from '../base/dom.js';
import { duration } from '../base/format.js';
import { rows, secondsOf } from './spans.js';

export function waterfall(spans) {
  if (!spans || spans.length === 0) return panel('Trace', h('p', { class: 'empty' }, 'It has no spans.'));
  const { seconds, rows: shown } = rows(spans);
  const detail = h('div', { class: 'inside', role: 'status' }, h('p', { class: 'dim' }, 'Choose a span to see what it carries.'));
  const choose = (span, button) => {
    for (const other of list.querySelectorAll('[aria-pressed]')) other.setAttribute('aria-pressed', String(other === button));
    fill(detail, detailOf(span));
  };
  const list = h('ol', { class: 'waterfall' }, shown.map((row) => rowOf(row, choose)));
  return [panel(h('div', { class: 'row spread' }, h('h2', {}, `${shown.length} spans`), h('span', { class: 'hint' }, duration(seconds))), list), panel('Span', detail)];
}

function rowOf({ span, depth, begin, length }, choose) {
  const bar = h('span', { class: `bar-of-span${span.fault ? ' fault' : ''} ${span.kind ?? ''}`.trim() });
  bar.style.left = `${100 * begin}%`;
  bar.style.width = `max(2px, ${100 * length}%)`;
  const name = h('span', { class: 'span-name' }, h('strong', {}, span.service ?? ''), ` ${span.name}`);
  name.style.paddingLeft = `${14 * depth}px`;
  const button = h('button', { type: 'button', class: 'quiet', 'aria-pressed': 'false', onclick: () => choose(span, button) },
    name, h('span', { class: 'lane', 'aria-hidden': 'true' }, bar), h('span', { class: 'took' }, duration(secondsOf(span))));
  return h('li', { class: span.fault ? 'bad' : null }, button);
}

function detailOf(span) {
  const { name, attributes = {}, events = [], links = [], ...rest } = span;
  const pairs = Object.entries({ ...rest, ...attributes }).map(([key, value]) => [key, text(value)]);
  return [
    h('h3', {}, name), facts(pairs),
    events.length > 0 ? [h('h3', {}, 'What happened in it'), facts(events.map((event) => [event.name ?? event.time, text(event.attributes ?? event)]))] : null,
    links.length > 0 ? [h('h3', {}, 'Linked with'), h('ul', { class: 'list' }, links.map((link) => h('li', {}, h('a', { class: 'mono', href: `#/traces/${link.traceId}` }, link.traceId))))] : null,
  ];
}

function text(value) {
  return h('span', { class: 'mono' }, typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value));
}
