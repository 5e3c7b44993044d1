// The queue, dearest minute first, with the case beside it. A decision opens the next case at once; the server's word on
// it arrives in the tray.

import * as api from './api.js';
import {CaseView} from './cases.js';
import {h, replace} from './dom.js';
import {exponentOf} from './filters.js';
import {major, number, probability, span} from './format.js';
import {address} from './router.js';
import {actionBadge, amountOf} from './rows.js';

const REFRESH_MS = 10_000;

export function showQueue(main, context, route) {
  const view = new QueueView(main, context, route.id);
  return {title: 'Queue', keys: view.keys, close: () => view.close(), reroute: (next) => view.select(next.id)};
}

class QueueView {
  constructor(main, context, id) {
    this.context = context;
    this.cases = [];
    this.answers = new Map();  // cases asked for ahead: the next one opens without a wait
    this.list = h('ol', {class: 'cases', 'aria-label': 'Cases, dearest minute first'});
    this.totals = h('p', {class: 'totals'}, 'Loading the queue…');
    this.side = h('div', {class: 'beside'});
    this.back = h('a', {class: 'back', href: address('queue')}, '‹ Queue');
    this.element = h('div', {class: 'view queue'},
      h('div', {class: 'lane'}, h('div', {class: 'view-head'}, h('h1', {tabindex: -1}, 'Queue'), this.totals), this.list),
      h('div', {class: 'open'}, this.back, this.side));
    replace(main, this.element);
    this.onDisposition = ({detail}) => this.settled(detail);
    this.onChange = ({detail}) => this.changed(detail);
    context.live.addEventListener('disposition', this.onDisposition);
    context.decisions.addEventListener('change', this.onChange);
    this.select(id);
    this.refresh();
    this.timer = setInterval(() => this.refresh(), REFRESH_MS);
  }

  close() {
    this.closed = true;
    clearInterval(this.timer);
    this.view?.close();
    this.context.live.removeEventListener('disposition', this.onDisposition);
    this.context.decisions.removeEventListener('change', this.onChange);
  }

  get keys() {
    return [
      {keys: ['j', 'ArrowDown'], word: 'Next case', run: () => this.move(1), repeats: true},
      {keys: ['k', 'ArrowUp'], word: 'Case before', run: () => this.move(-1), repeats: true},
      {keys: ['Enter', 'o'], word: 'Open the first case', run: () => { if (!this.id) this.move(1); }},
      {keys: ['Escape'], word: 'Back to the list', run: () => { location.hash = address('queue'); }},
      ...(this.view?.bindings ?? []),
    ];
  }

  async refresh() {
    try {
      const answer = await api.queue();
      if (this.closed) return;
      // What was decided here a moment ago may not have come round through the topics yet.
      const {decisions} = this.context;
      this.cases = answer.cases.filter((found) => !decisions.present(found.verdict_id) && !decisions.isPending(found.verdict_id));
      this.answer = answer;
      this.failure = null;
    } catch (refusal) {
      if (this.closed) return;
      this.failure = refusal;
    }
    this.draw();
    if (!this.id && !this.failure && this.cases.length && wide()) this.go(this.cases[0].verdict_id);
  }

  draw() {
    const {answer, failure} = this;
    if (failure) {
      replace(this.totals, h('span', {class: 'alarm', role: 'alert'}, `${failure.message}. `), failure.next);
    } else if (answer) {
      const sums = Object.entries(answer.money_waiting ?? {}).map(([currency, value]) => major(value, exponentOf(currency), currency));
      const waiting = `${number(Math.max(answer.waiting, this.cases.length))} wait${sums.length ? `, ${sums.join(', ')} in them` : ''}`;
      replace(this.totals, this.cases.length === 0 ? 'Nothing waits. New cases appear by themselves.' : waiting);
    }
    const focused = document.activeElement?.closest?.('.cases a')?.dataset.verdict;
    replace(this.list, this.cases.map((found) => card(found, found.verdict_id === this.id)));
    if (focused) this.link(focused)?.focus({preventScroll: true});
  }

  link(id) { return this.list.querySelector(`a[data-verdict="${CSS.escape(id)}"]`); }

  /// Shows the case of the address, or none.
  select(id) {
    if (this.id === id && this.view) return;
    this.id = id;
    this.view?.close();
    this.view = null;
    this.element.classList.toggle('has-case', Boolean(id));
    if (id) {
      this.view = new CaseView(this.context, () => this.ask(id), {heading: 'h2', decided: (summary) => this.decided(summary)});
      this.answers.delete(id);  // once shown, the next look asks again
      replace(this.side, this.view.element);
      this.askAhead();
      scrollTo(0, 0);
    } else {
      replace(this.side, h('p', {class: 'empty'}, 'Choose a case: j, k, or a click.'));
    }
    this.draw();
    if (id) this.link(id)?.scrollIntoView({block: 'nearest'});
    this.context.bindView(this.keys);
  }

  ask(id) {
    if (!this.answers.has(id)) {
      const answer = this.context.caseOf(id);
      answer.catch(() => this.answers.delete(id));
      this.answers.set(id, answer);
    }
    return this.answers.get(id);
  }

  askAhead() {
    const next = this.neighbour(1);
    if (next && next !== this.id) this.ask(next);
  }

  neighbour(step) {
    const at = this.cases.findIndex(({verdict_id: id}) => id === this.id);
    if (at < 0) return this.cases[0]?.verdict_id ?? null;
    return this.cases[Math.min(this.cases.length - 1, Math.max(0, at + step))]?.verdict_id ?? null;
  }

  move(step) {
    const next = this.neighbour(step);
    if (next) this.go(next);
  }

  /// Moving along the queue is one visit: it does not fill the history with every case.
  go(id) {
    window.history.replaceState(null, '', address('queue', id));
    this.select(id);
  }

  decided(summary) {
    const at = this.cases.findIndex(({verdict_id: id}) => id === summary.verdict_id);
    if (at < 0) return;  // opened by hand, or decided again: stays
    this.cases.splice(at, 1);
    const next = this.cases[Math.min(at, this.cases.length - 1)];
    if (next) {
      this.context.announce(`Next: ${next.action}, ${next.user_id}`, {quiet: true});
      this.go(next.verdict_id);
    } else {
      window.history.replaceState(null, '', address('queue'));
      this.select('');
      this.refresh();
    }
  }

  /// A decision that did not come through puts its case back.
  changed(entry) {
    if (entry.state === 'failed' && !this.cases.some(({verdict_id: id}) => id === entry.summary.verdict_id)) this.refresh();
  }

  /// Decided here or elsewhere. The open case stays open: whoever reads it sees what was said.
  settled(disposition) {
    const before = this.cases.length;
    this.cases = this.cases.filter(({verdict_id: id}) => id !== disposition.verdict_id);
    if (this.cases.length !== before) this.draw();
  }
}

function card(found, open) {
  const gain = `${major(found.money_per_minute, found.exponent, found.currency)}/min`;
  const meaning = `Expected saving for a minute of review; about ${number(found.minutes, 1)} min for this case`;
  return h('li', {}, h('a', {href: address('queue', found.verdict_id), 'aria-current': open ? 'true' : null, data: {verdict: found.verdict_id}},
    h('span', {class: 'line'}, actionBadge(found.action), h('b', {class: 'num'}, amountOf(found))),
    h('span', {class: 'line'}, h('span', {class: 'id'}, found.user_id), h('span', {class: 'num gain', title: meaning}, gain)),
    h('span', {class: 'line faint'}, h('span', {class: 'gist'}, found.reason ?? ''),
      h('span', {class: 'num'}, `${probability(found.p)} · ${span(found.waiting_s)}`))));
}

function wide() { return matchMedia('(min-width: 60rem)').matches; }
