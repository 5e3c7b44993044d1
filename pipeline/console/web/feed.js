// The live feed: newest on top, filters that the server applies, and a pause that counts what waits.

import {h, replace} from './dom.js';
import {exponentOf, fromMinor, fromQuery, isEmpty, toMinor, toQuery} from './filters.js';
import {number, rate, share} from './format.js';
import {address} from './router.js';
import {dispositionMark, RowCursor, verdictRow, verdictTable} from './rows.js';
import {ACTIONS, actionIcon, actionWord} from './words.js';

const ROWS_MAX = 200;

/// What the feed has shown so far; outlives the view, so that coming back from a case finds it as it was left.
export class FeedModel {
  constructor(live) {
    this.live = live;
    this.clear();
    live.addEventListener('verdicts', ({detail}) => this.take(detail));
    live.addEventListener('disposition', ({detail}) => this.decided(detail));
  }

  clear() {
    this.rows = [];      // summaries, newest first
    this.waiting = [];   // while paused, newest first, bounded like the rows
    this.arrived = 0;    // while paused: also those that fell out of `waiting`
    this.skipped = 0;
    this.paused = false;
  }

  take({verdicts, skipped}) {
    this.skipped += skipped ?? 0;
    const news = [...verdicts].reverse();
    if (this.paused) {
      this.arrived += news.length + (skipped ?? 0);
      this.skipped += Math.max(0, this.waiting.length + news.length - ROWS_MAX);  // these nobody will have seen
      this.waiting = [...news, ...this.waiting].slice(0, ROWS_MAX);
    } else {
      this.rows = [...news, ...this.rows].slice(0, ROWS_MAX);
    }
    this.changed?.(this.paused ? [] : news);
  }

  pause(paused) {
    if (this.paused === paused) return;
    this.paused = paused;
    const news = this.waiting;
    this.rows = [...news, ...this.rows].slice(0, ROWS_MAX);
    this.waiting = [];
    this.arrived = 0;
    this.changed?.(news);
  }

  decided(disposition) {
    for (const summary of [...this.rows, ...this.waiting]) {
      if (summary.verdict_id === disposition.verdict_id) summary.disposition = disposition;
    }
    this.marked?.(disposition);
  }
}

export function showFeed(main, context, route) {
  const {live, feed} = context;
  let filters = fromQuery(route.query);
  const body = h('tbody');
  const cursor = new RowCursor(body);
  const status = h('p', {class: 'feed-status'});  // four times a second: nothing to be read aloud
  const empty = h('p', {class: 'empty'});
  const pause = h('button', {type: 'button', class: 'pause', 'aria-keyshortcuts': 'p', on: {click: () => feed.pause(!feed.paused)}});
  const figures = h('dl', {class: 'figures', 'aria-label': 'Figures of this moment'});
  const bar = new FilterBar(filters, (next) => { location.hash = address('feed', '', toQuery(next)); });
  replace(main, h('div', {class: 'view feed'},
    h('div', {class: 'view-head'}, h('div', {class: 'feed-run'}, h('h1', {tabindex: -1}, 'Feed'), pause, status), figures),
    bar.element,
    verdictTable('Verdicts, newest first', body), empty));

  const draw = () => {
    if (pause.getAttribute('aria-pressed') !== String(feed.paused)) {
      replace(pause, feed.paused ? 'Go on' : 'Pause', h('kbd', {'aria-hidden': 'true'}, 'p'));
      pause.classList.toggle('primary', feed.paused);
      pause.setAttribute('aria-pressed', String(feed.paused));
    }
    const skipped = feed.skipped ? `${number(feed.skipped)} more matched and were not shown` : '';
    const text = feed.paused ? `Paused: ${number(feed.arrived)} wait` : skipped;
    if (status.textContent !== text) status.textContent = text;
    empty.hidden = body.rows.length > 0;
    const words = emptyWords(live, filters);
    if (empty.textContent !== words) empty.textContent = words;
  };
  const begin = () => {
    if (!context.started || toQuery(filters).toString() !== toQuery(live.filters).toString()) {
      feed.clear();
      context.started = true;
      live.start(filters);
    }
    replace(body, ...feed.rows.map(verdictRow));
    draw();
  };
  feed.changed = (news) => {
    for (const summary of [...news].reverse()) body.prepend(verdictRow(summary));
    while (body.rows.length > ROWS_MAX) body.lastElementChild.remove();
    draw();
  };
  feed.marked = (disposition) => {
    const row = body.querySelector(`tr[data-verdict="${CSS.escape(disposition.verdict_id)}"]`);
    if (!row) return;
    row.querySelector('.said')?.remove();
    row.querySelector('.c-marks').append(dispositionMark(disposition));
  };
  const drawFigures = () => {
    draw();
    const now = live.figures;
    if (!now) return;
    const shown = [['Verdicts a second', rate(now.verdicts_per_second)], ['Delay p50, p99', delay(now.delay_ms)],
      ['Lag, records', number(now.lag_records)], ['Degraded', share(now.degraded_share)]];
    replace(figures, shown.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))));
  };
  live.addEventListener('figures', drawFigures);
  live.addEventListener('state', draw);
  begin();
  drawFigures();

  // Reading and a moving list do not go together: choosing a row holds it still.
  const move = (step) => {
    feed.pause(true);
    cursor.move(step);
  };
  return {
    get title() { return isEmpty(filters) ? 'Feed' : 'Feed, filtered'; },
    /// Other filters: the form stays, with the focus and what is half written in it.
    reroute(next) {
      filters = fromQuery(next.query);
      bar.set(filters);
      begin();
    },
    keys: [
      {keys: ['j', 'ArrowDown'], word: 'Next payment (holds the feed)', run: () => move(1), repeats: true},
      {keys: ['k', 'ArrowUp'], word: 'Payment before', run: () => move(-1), repeats: true},
      {keys: ['Enter', 'o'], word: 'Open the case', run: () => cursor.open()},
      {keys: ['p'], word: 'Pause, go on', run: () => feed.pause(!feed.paused)},
      {keys: ['a'], word: 'To the filters', run: () => bar.focus()},
      {keys: ['x'], word: 'Clear the filters', run: () => { location.hash = address('feed'); }},
    ],
    close() {
      feed.changed = feed.marked = null;
      live.removeEventListener('figures', drawFigures);
      live.removeEventListener('state', draw);
    },
  };
}

function delay(ms) {
  if (!ms || ms.p50 === null || ms.p50 === undefined) return '–';
  return `${number(ms.p50)}, ${number(ms.p99)} ms`;
}

function emptyWords(live, filters) {
  if (live.state.phase !== 'open') return 'Waiting for the feed.';
  return isEmpty(filters) ? 'No payment has been decided since this page was opened. Verdicts appear here as they are committed.'
    : 'Nothing that matches these filters yet.';
}

/// The form: applies when a field is left, a box is ticked, or Enter is pressed.
class FilterBar {
  constructor(filters, apply) {
    const box = (name, value, ...words) => h('label', {class: 'chip'}, h('input', {type: 'checkbox', name, value}), h('span', {}, words));
    const field = (name, label, attributes) => h('label', {class: 'field'}, h('span', {}, label),
      h('input', {name, autocomplete: 'off', spellcheck: 'false', ...attributes}));
    const actions = Object.keys(ACTIONS).map((action) => box('action', action, actionIcon(action), actionWord(action)));
    this.clear = h('a', {class: 'clear', href: address('feed'), 'aria-keyshortcuts': 'x'}, 'Clear');
    this.form = h('form', {class: 'filters', 'aria-label': 'Filters'},
      h('fieldset', {class: 'chips'}, h('legend', {class: 'hidden'}, 'Decision'), actions),
      box('degraded', '1', 'Degraded'),
      field('min_p', 'Fraud from, %', {inputmode: 'decimal'}),
      field('min_amount', 'Amount from', {inputmode: 'decimal'}),
      field('currency', 'Currency', {maxlength: 3}),
      field('user', 'User', {maxlength: 128}),
      field('merchant', 'Merchant', {maxlength: 128}),
      this.clear);
    this.summary = h('summary', {});
    // On a phone the form is folded away; on a wide screen its summary is not shown at all.
    this.element = h('details', {class: 'filter-box', open: matchMedia('(min-width: 52rem)').matches}, this.summary, this.form);
    const changed = () => {
      const next = this.read();
      const query = toQuery(next).toString();
      if (query === this.query) return;
      this.query = query;
      apply(next);
    };
    this.form.addEventListener('change', changed);
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      changed();
    });
    this.set(filters);
  }

  focus() {
    this.element.open = true;
    this.form.querySelector('input').focus();
  }

  /// Writes filters into the form where it says something else. What the form itself asked for comes back here a moment
  /// later, when the next field may already be half written: that is left as it is.
  set(filters) {
    const asked = this.query;
    this.query = toQuery(filters).toString();
    const count = [...toQuery(filters)].length;
    this.clear.hidden = count === 0;
    replace(this.summary, count ? `Filters (${count})` : 'Filters');
    if (this.query === asked || toQuery(this.read()).toString() === this.query) return;
    const {elements} = this.form;
    for (const input of this.form.querySelectorAll('[name=action]')) input.checked = filters.action?.includes(input.value) ?? false;
    elements.degraded.checked = filters.degraded ?? false;
    elements.min_p.value = filters.min_p ? String(Math.round(filters.min_p * 1e6) / 1e4) : '';
    elements.min_amount.value = filters.min_amount_minor ? fromMinor(filters.min_amount_minor, exponentOf(filters.currency)) : '';
    for (const name of ['currency', 'user', 'merchant']) elements[name].value = filters[name] ?? '';
  }

  read() {
    const data = new FormData(this.form);
    const percent = parseFloat(String(data.get('min_p')).replace(',', '.'));
    const currency = String(data.get('currency')).trim().toUpperCase();
    const minor = toMinor(String(data.get('min_amount')), exponentOf(currency));
    const amount = this.form.elements.min_amount;
    amount.setAttribute('aria-invalid', String(minor === null && amount.value.trim() !== ''));
    return fromQuery(new URLSearchParams({
      action: data.getAll('action').join(','), min_p: percent > 0 ? percent / 100 : '', min_amount_minor: minor ?? '', currency,
      user: data.get('user'), merchant: data.get('merchant'), degraded: data.get('degraded') ?? ''}));
  }
}
