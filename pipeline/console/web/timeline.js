// The user's payments up to this one: a strip in true time, and a row for each with what the model attended to.

import {h, svg} from './dom.js';
import {amount, figure, probability, share, span, utc} from './format.js';
import {address} from './router.js';
import {actionBadge, timeOf} from './rows.js';

export function timeline(found) {
  const rows = found.timeline ?? [];
  if (rows.length === 0) return h('p', {class: 'faint'}, 'Nothing of this user is kept here.');
  const own = found.summary;
  const sizes = rows.map((row) => sizeOf(row, own.exponent));
  const most = Math.max(...sizes, 1e-9);
  const attention = Math.max(0, ...rows.map((row) => row.attention ?? 0));
  const strongest = new Set(rows.filter((row) => row.attention > 0).sort((a, b) => b.attention - a.attention).slice(0, 3));
  return [
    strip(rows, sizes, most, attention),
    found.attention_method && h('p', {class: 'faint'}, found.attention_method),
    h('div', {class: 'scroll', tabindex: 0, role: 'group', 'aria-label': 'Payments of the user'},
      h('table', {class: 'past', 'aria-label': 'Payments of the user, newest first'},
        h('thead', {}, h('tr', {}, ['Paid', 'After', 'Amount', '', 'Attention', 'Merchant', 'Said', 'Label'].map((name, index) => (
          h('th', {scope: 'col', class: [1, 2].includes(index) ? 'num' : null}, name || h('span', {class: 'hidden'}, 'Amount as a bar')))))),
        // Newest first: what is nearest to this payment is read first.
        h('tbody', {}, rows.map((row, index) => pastRow(row, own, {
          size: sizes[index] / most, attention: attention ? (row.attention ?? 0) / attention : 0,
          strong: strongest.has(row), last: index === rows.length - 1})).reverse()))),
  ];
}

function pastRow(row, own, {size, attention, strong, last}) {
  const said = [row.action && actionBadge(row.action), Number.isFinite(row.p) && h('span', {class: 'faint'}, ` ${probability(row.p)}`)];
  return h('tr', {class: last ? 'own' : strong ? 'strong' : null, 'aria-current': last ? 'true' : null},
    h('td', {}, timeOf(row.event_time)),
    h('td', {class: 'num faint'}, Number.isFinite(row.gap_s) ? span(row.gap_s) : '–'),
    h('td', {class: 'num'}, Number.isFinite(row.amount_minor) ? amount(row.amount_minor, row.exponent ?? own.exponent) : figure(row.amount)),
    h('td', {class: 'bar', 'aria-hidden': 'true'}, h('span', {class: 'size', vars: {'--w': `${size * 100}%`}})),
    h('td', {class: 'attended'}, last ? h('span', {class: 'faint'}, 'this payment') : attended(row.attention, attention)),
    h('td', {class: 'id'}, row.merchant_id ?? '–'),
    h('td', {}, row.verdict_id && !last ? h('a', {href: address('case', row.verdict_id)}, said) : said),
    h('td', {}, row.label ? h('span', {class: 'mark said', data: {said: row.label}}, row.label) : h('span', {class: 'faint'}, '–')));
}

function attended(value, part) {
  if (!Number.isFinite(value)) return h('span', {class: 'faint'}, 'not read');
  return [h('span', {class: 'weight', vars: {'--w': `${part * 100}%`}}), h('span', {class: 'num'}, share(value))];
}

/// Every payment as a line: where in time, how high the amount (square root, so that small ones are seen), how strong the
/// attention.
function strip(rows, sizes, most, attention) {
  const times = rows.map((row) => Date.parse(row.event_time));
  const from = Math.min(...times);
  const width = Math.max(...times) - from || 1;
  const x = (time) => 1.5 + 97 * (time - from) / width;
  const lines = rows.map((row, index) => {
    const last = index === rows.length - 1;
    const height = 6 + 88 * Math.sqrt(sizes[index] / most);
    const weight = attention ? (row.attention ?? 0) / attention : 0;
    const kind = last ? 'own' : row.label === 'fraud' ? 'fraud' : 'past';
    return svg('line', {class: kind, x1: x(times[index]), x2: x(times[index]), y1: 100, y2: 100 - height,
      'stroke-opacity': last ? 1 : 0.25 + 0.75 * weight, 'vector-effect': 'non-scaling-stroke'},
    svg('title', {}, [
      `${utc(row.event_time)}: ${figure(sizes[index])}`, row.attention && `attention ${share(row.attention)}`, row.label].filter(Boolean).join(', ')));
  });
  const all = `${rows.length} payments in ${span(width / 1000)}`;
  return h('figure', {class: 'strip'},
    svg('svg', {viewBox: '0 0 100 100', preserveAspectRatio: 'none', role: 'img', 'aria-label': `${all}; the table below has them one by one`}, lines),
    h('figcaption', {}, h('span', {}, timeOf(rows[0].event_time)),
      h('span', {class: 'faint'}, `${all}; height: amount, strength: attention`), h('span', {}, timeOf(rows.at(-1).event_time))));
}

function sizeOf(row, exponent) {
  return Number.isFinite(row.amount_minor) ? row.amount_minor / 10 ** (row.exponent ?? exponent) : row.amount ?? 0;
}
