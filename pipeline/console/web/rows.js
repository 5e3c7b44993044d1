// Verdicts as rows of a table: the feed, the search, and other users' payments at a merchant look the same.

import {h, hidden, replace} from './dom.js';
import {amount, major, probability, utc, when} from './format.js';
import {address} from './router.js';
import {actionIcon, actionWord, degradedInWords, DISPOSED, dispositionIcon} from './words.js';

export function timeOf(time, options) {
  return h('time', {datetime: time, title: utc(time)}, when(time, Date.now(), options));
}

export function actionBadge(action) {
  return h('span', {class: 'action', data: {action}}, actionIcon(action), actionWord(action));
}

/// An id that leads to everything known about it.
export function idLink(id) {
  return h('a', {class: 'id', href: address('search', '', new URLSearchParams({q: id}))}, id);
}

export function dispositionMark(said) {
  if (!said) return null;
  const {disposition, analyst} = said;
  const word = DISPOSED[disposition] ?? disposition;
  return h('span', {class: 'mark said', data: {said: disposition}, title: analyst ? `${word} by ${analyst}` : null},
    dispositionIcon(disposition), word);
}

export function marks(summary) {
  return [
    summary.degraded?.length > 0 && h('span', {class: 'mark warn', title: summary.degraded.map(degradedInWords).join('; ')}, 'degraded'),
    summary.duplicate && h('span', {class: 'mark', title: 'The payment was sent before: its first verdict again'}, 'repeat'),
    summary.late && h('span', {class: 'mark', title: 'Older than what was already known of the user'}, 'late'),
    dispositionMark(summary.disposition),
  ];
}

/// A table whose rows come from verdictRow().
export function verdictTable(label, body) {
  const head = (text, cls) => h('th', {scope: 'col', class: cls}, text);
  return h('table', {class: 'verdicts', 'aria-label': label},
    h('thead', {}, h('tr', {}, head('Paid'), head('Decision'), head('Amount', 'num'), head('Fraud', 'num'), head('User'), head('Merchant'),
      head('Why'), head('Runner-up', 'num'), head('Marks'))),
    body);
}

export function verdictRow(summary) {
  const open = address('case', summary.verdict_id);
  const reason = summary.reason ?? '';
  const row = h('tr', {tabindex: -1, data: {verdict: summary.verdict_id}, on: {
    click: (event) => {
      if (!event.target.closest('a') && String(getSelection()) === '') location.hash = open;
    }}},
  h('td', {class: 'c-time'}, timeOf(summary.event_time)),
  h('td', {class: 'c-action'}, h('a', {href: open, tabindex: -1}, actionBadge(summary.action), hidden(` payment ${summary.transaction_id}`))),
  h('td', {class: 'c-amount num'}, amountOf(summary)),
  h('td', {class: 'c-p num'}, chance(summary.p)),
  h('td', {class: 'c-user id'}, summary.user_id),
  h('td', {class: 'c-merchant id'}, summary.merchant_id),
  h('td', {class: 'c-why', title: reason}, reason),
  h('td', {class: 'c-gap num'}, runnerUp(summary)),
  h('td', {class: 'c-marks'}, marks(summary)));
  return row;
}

/// The same where no cursor walks over the rows: Tab reaches its links, and the user's leads to the search.
export function linkedRow(summary) {
  const row = verdictRow(summary);
  row.removeAttribute('tabindex');
  row.querySelector('.c-action a').removeAttribute('tabindex');
  replace(row.querySelector('.c-user'), idLink(summary.user_id));
  return row;
}

export function amountOf({amount_minor: minor, exponent, currency}) {
  return [amount(minor, exponent), currency !== 'XXX' && h('span', {class: 'unit'}, ` ${currency}`)];
}

/// The probability with a small bar behind it.
export function chance(p) {
  return h('span', {class: 'chance', vars: {'--p': p ?? 0}}, probability(p));
}

function runnerUp({runner_up: action, cost_gap: gap, exponent}) {
  if (!action) return '–';
  const more = major(gap, exponent);
  return h('span', {title: `${actionWord(action)} would cost ${more} more`}, `${actionWord(action)} `, h('span', {class: 'faint'}, `+${more}`));
}

/// j and k over the rows of a table body, and which row is chosen. The choice stays with its verdict when rows come and go.
export class RowCursor {
  constructor(body) {
    this.body = body;
    body.addEventListener('focusin', (event) => {
      const row = event.target.closest('tr');
      if (row) this.choose(row, false);
    });
  }

  get row() { return this.body.querySelector('tr[aria-selected=true]'); }

  move(step) {
    const rows = [...this.body.rows];
    const at = rows.indexOf(this.row);
    const next = rows[at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + step))];
    if (next) this.choose(next, true);
  }

  choose(row, focus) {
    const before = this.row;
    if (before !== row) {
      before?.removeAttribute('aria-selected');
      before?.setAttribute('tabindex', '-1');
      row.setAttribute('aria-selected', 'true');
      row.tabIndex = 0;
    }
    if (focus) {
      row.focus({preventScroll: true});
      row.scrollIntoView({block: 'nearest'});
    }
  }

  open() {
    const verdict = this.row?.dataset.verdict;
    if (verdict) location.hash = address('case', verdict);
  }
}
