// One case: everything about a verdict that helps to decide, and the keys that decide it.

import {h, replace} from './dom.js';
import {major} from './format.js';
import {fact, panels} from './panels.js';
import {address} from './router.js';
import {actionBadge, amountOf, chance, dispositionMark, idLink, marks, timeOf} from './rows.js';
import {actionWord, DISPOSED, DISPOSITIONS, dispositionIcon} from './words.js';

const ARM_AFTER_MS = 350;  // a key pressed twice must not decide the case that has just opened by itself

/// The page of one case, in the main area or beside the queue. `load()` gives the Case; `heading` is the element of its title;
/// `decided(summary)` is told when a key was pressed that counts.
export class CaseView {
  constructor(context, load, {heading, decided = null}) {
    this.context = context;
    this.heading = heading;
    this.decided = decided;
    this.element = h('article', {class: 'case', 'aria-busy': 'true'}, h('p', {class: 'empty'}, 'Loading the case…'));
    this.onChange = ({detail}) => {
      const verdictId = detail.verdict_id ?? detail.summary?.verdict_id;
      if (verdictId === this.found?.summary.verdict_id) this.drawBar();
    };
    context.live.addEventListener('disposition', this.onChange);
    context.decisions.addEventListener('change', this.onChange);
    load().then((found) => this.show(found), (refusal) => this.refuse(refusal));
  }

  close() {
    this.closed = true;
    this.context.live.removeEventListener('disposition', this.onChange);
    this.context.decisions.removeEventListener('change', this.onChange);
  }

  get bindings() {
    return [
      ...Object.entries(DISPOSITIONS).map(([name, {word, key}]) => ({keys: [key], word, run: () => this.decide(name)})),
      {keys: ['n'], word: 'Write a note', run: () => this.note?.focus()},
      {keys: ['c'], word: 'Copy the command that derives it again', run: () => this.element.querySelector('.derive button')?.click()},
    ];
  }

  refuse(refusal) {
    if (this.closed) return;
    this.element.removeAttribute('aria-busy');
    const title = refusal.status === 404 ? 'Not kept here' : 'The case could not be loaded';
    replace(this.element, h('div', {class: 'notice', role: 'alert'},
      h(this.heading, {tabindex: -1}, title), h('p', {}, `${refusal.message}.`), h('p', {}, refusal.next)));
  }

  show(found) {
    if (this.closed) return;
    this.found = found;
    for (const disposition of found.dispositions ?? []) this.context.decisions.saw(disposition);
    this.context.decisions.saw(found.summary.disposition);
    this.note = h('textarea', {rows: 1, maxlength: 500, placeholder: 'Note, goes with the decision (n)',
      'aria-label': 'Note', 'aria-keyshortcuts': 'n'});
    this.bar = h('div', {class: 'decide'});
    this.element.removeAttribute('aria-busy');
    replace(this.element, head(found, this.heading), this.bar,
      panels(found, (text) => copyText(text, this.context.announce)));
    this.drawBar();
    this.element.dataset.verdict = found.summary.verdict_id;
    // Counted from when it can be seen, however slow this machine draws.
    requestAnimationFrame(() => setTimeout(() => { this.element.dataset.armed = ''; }, ARM_AFTER_MS));
  }

  drawBar() {
    const {session, decisions} = this.context;
    const verdictId = this.found.summary.verdict_id;
    const present = decisions.present(verdictId);
    const pending = decisions.isPending(verdictId);
    const writing = document.activeElement === this.note;
    const buttons = Object.entries(DISPOSITIONS).map(([name, {word, key}]) => h('button', {
      type: 'button', class: 'say', data: {say: name}, 'aria-keyshortcuts': key, 'aria-pressed': String(present?.disposition === name),
      disabled: !session.can_decide || pending, on: {click: () => this.decide(name)}},
    dispositionIcon(name), word, h('kbd', {'aria-hidden': 'true'}, key)));
    replace(this.bar,
      h('div', {class: 'says', role: 'group', 'aria-label': 'Decide'}, buttons),
      session.can_decide ? this.note : h('p', {class: 'why-not'}, `Read only: ${session.why_not ?? 'this server does not know who you are'}`),
      h('p', {class: 'state', role: 'status'}, pending ? 'Being recorded…' : present && presentInWords(present, session)));
    if (writing) this.note.focus();
  }

  decide(name) {
    const {session, decisions, announce} = this.context;
    if (!this.found) return;
    if (!session.can_decide) {
      announce(`Read only: ${session.why_not ?? 'this server does not know who you are'}`);
      return;
    }
    if (!('armed' in this.element.dataset) || decisions.isPending(this.found.summary.verdict_id)) return;
    decisions.decide(this.found.summary, name, this.note.value);
    this.note.value = '';
    this.decided?.(this.found.summary);
  }
}

function presentInWords(present, session) {
  const who = present.analyst === session.analyst ? 'You' : present.analyst;
  return [dispositionMark(present), ` ${who} said ${DISPOSED[present.disposition] ?? present.disposition} `, timeOf(present.at),
    present.note && h('q', {class: 'note'}, present.note), h('span', {class: 'faint'}, ' Another key changes it.')];
}

function head({summary}, heading) {
  const {runner_up: second, cost_gap: gap, exponent, currency} = summary;
  return h('header', {class: 'case-head'},
    h(heading, {tabindex: -1}, actionBadge(summary.action), h('span', {class: 'sum'}, amountOf(summary))),
    h('p', {class: 'parties'}, idLink(summary.user_id), ' paid ', idLink(summary.merchant_id), ', ',
      timeOf(summary.event_time, {seconds: true}), ' ', marks({...summary, disposition: null})),
    h('dl', {class: 'facts'},
      fact('Fraud', chance(summary.p)),
      fact('Runner-up', second ? `${actionWord(second)}, ${major(gap, exponent, currency)} dearer` : '–'),
      fact('Payment', h('span', {class: 'id'}, summary.transaction_id)),
      fact('Verdict', h('span', {class: 'id'}, summary.verdict_id)),
      fact('Seen here', timeOf(summary.seen_at))));
}

async function copyText(text, announce) {
  try {
    await navigator.clipboard.writeText(text);
    announce('Copied.');
  } catch {
    announce('The browser does not let a page copy here: select the command instead.');
  }
}

/// View #/case/<id>.
export function showCase(main, context, route) {
  const view = new CaseView(context, () => context.caseOf(route.id), {heading: 'h1'});
  replace(main, h('div', {class: 'view'}, view.element));
  return {
    title: `Case ${route.id.slice(0, 8)}`,
    keys: [...view.bindings, {keys: ['Escape'], word: 'Back', run: back}],
    close: () => view.close(),
  };
}

function back() {
  if (window.history.length > 1) window.history.back();
  else location.hash = address('feed');
}
