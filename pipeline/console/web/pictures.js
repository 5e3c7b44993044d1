// Small pictures beside numbers: what each action would cost, and where a value lies in its usual range. Each has a name
// that says the same in words.

import {h} from './dom.js';
import {figure, major} from './format.js';
import {actionBadge} from './rows.js';
import {actionWord} from './words.js';

/// Expected cost of each action, cheapest first. The part beyond the cheapest is hatched: that is what choosing it would
/// cost more. The scale ends a little above the runner-up, since the next ones are often a hundred times dearer; bars
/// beyond it are cut, visibly.
export function costPicture(actions, exponent, currency) {
  if (!actions?.length) return h('p', {class: 'faint'}, 'No costs: the action did not come from prices (see what was missing).');
  const cheapest = actions[0].expected_cost;
  const second = actions[1]?.expected_cost ?? cheapest;
  const end = Math.max(second * 1.5, 1e-9);
  const percent = (value) => `${Math.min(100, Math.max(0, value / end * 100))}%`;
  const [first, next] = actions.map(({action}) => actionWord(action));
  return h('figure', {class: 'costs'},
    h('table', {'aria-label': 'Expected cost of each action'},
      h('tbody', {}, actions.map(({action, expected_cost: cost}, index) => h('tr', {class: index === 0 ? 'chosen' : ''},
        h('th', {scope: 'row'}, actionBadge(action)),
        h('td', {class: 'bar', 'aria-hidden': 'true'}, h('span', {class: cost > end ? 'track cut' : 'track'},
          h('span', {class: 'base', vars: {'--w': percent(Math.min(cost, cheapest))}}),
          index > 0 && h('span', {class: 'more', vars: {'--x': percent(cheapest), '--w': `calc(${percent(cost)} - ${percent(cheapest)})`}}))),
        h('td', {class: 'num'}, major(cost, exponent, currency)),
        h('td', {class: 'num faint'}, index === 0 ? 'cheapest' : `+${major(cost - cheapest, exponent)}`))))),
    actions.length > 1 && h('figcaption', {},
      `${first} is expected to cost ${major(second - cheapest, exponent, currency)} less than ${next.toLowerCase()}.`));
}

/// {value, low, high, median, hours}: a band for the usual, a tick for the median, a mark for this one. `hours`: a day that
/// goes round, where a range may go over midnight (low above high).
export function rangePicture({value, low, high, median = null, hours = false}) {
  if (![value, low, high].every(Number.isFinite)) return null;
  const place = hours ? (at) => at / 24 : scale([value, low, high, ...(Number.isFinite(median) ? [median] : [])]);
  const percent = (at) => `${(place(at) * 100).toFixed(2)}%`;
  const band = (from, to) => h('span', {class: 'band', vars: {'--x': percent(from), '--w': `${((place(to) - place(from)) * 100).toFixed(2)}%`}});
  const outside = hours && low > high ? value < low && value > high : value < low || value > high;
  return h('span', {class: 'range', role: 'img', data: {outside: String(outside)},
    'aria-label': `${figure(value)}; usual ${figure(low)} to ${figure(high)}`},
  hours && low > high ? [band(0, high), band(low, 24)] : band(low, high),
  Number.isFinite(median) && h('span', {class: 'median', vars: {'--x': percent(median)}}),
  h('span', {class: 'this', vars: {'--x': percent(value)}}));
}

/// 0 to 1 with a margin on both sides; logarithmic where the values are positive and far apart.
function scale(values) {
  const least = Math.min(...values);
  const most = Math.max(...values);
  const far = least > 0 && most / least > 20;
  const bend = far ? Math.log : (value) => value;
  const from = bend(least);
  const width = bend(most) - from || 1;
  return (value) => 0.05 + 0.9 * (bend(value) - from) / width;
}
