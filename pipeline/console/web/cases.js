// One case: everything about a verdict that helps to decide, and the keys that decide it.

import {h, replace} from './dom.js';
import {figure, major} from './format.js';
import {costPicture, rangePicture} from './pictures.js';
import {address} from './router.js';
import {actionBadge, amountOf, chance, dispositionMark, marks, timeOf, verdictRow, verdictTable} from './rows.js';
import {timeline} from './timeline.js';
import {actionWord, degradedInWords, DISPOSED, DISPOSITIONS, dispositionIcon} from './words.js';

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
    replace(this.element, h('div', {class: 'notice', role: 'alert'}, h(this.heading, {tabindex: -1}, refusal.status === 404 ? 'Not kept here' : 'The case could not be loaded'),
      h('p', {}, `${refusal.message}.`), h('p', {}, refusal.next)));
  }

  show(found) {
    if (this.closed) return;
    this.found = found;
    this.armedAt = performance.now() + ARM_AFTER_MS;
    for (const disposition of found.dispositions ?? []) this.context.decisions.saw(disposition);
    this.context.decisions.saw(found.summary.disposition);
    this.note = h('textarea', {rows: 1, maxlength: 500, placeholder: 'Note, goes with the decision (n)', 'aria-label': 'Note', 'aria-keyshortcuts': 'n'});
    this.bar = h('div', {class: 'decide'});
    this.element.removeAttribute('aria-busy');
    replace(this.element, head(found, this.heading), this.bar, sections(found, this.context));
    this.drawBar();
    this.element.dataset.verdict = found.summary.verdict_id;
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
    if (performance.now() < this.armedAt || decisions.isPending(this.found.summary.verdict_id)) return;
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
  return h('header', {class: 'case-head'},
    h(heading, {tabindex: -1}, actionBadge(summary.action), h('span', {class: 'sum'}, amountOf(summary))),
    h('p', {class: 'parties'}, h('a', {class: 'id', href: address('search', '', `q=${encodeURIComponent(summary.user_id)}`)}, summary.user_id), ' paid ',
      h('a', {class: 'id', href: address('search', '', `q=${encodeURIComponent(summary.merchant_id)}`)}, summary.merchant_id), ', ', timeOf(summary.event_time, {seconds: true}), ' ', marks({...summary, disposition: null})),
    h('dl', {class: 'facts'},
      fact('Fraud', chance(summary.p)),
      fact('Runner-up', summary.runner_up ? `${actionWord(summary.runner_up)}, ${major(summary.cost_gap, summary.exponent, summary.currency)} dearer` : '–'),
      fact('Payment', h('span', {class: 'id'}, summary.transaction_id)),
      fact('Verdict', h('span', {class: 'id', title: summary.verdict_id}, summary.verdict_id)),
      fact('Seen here', timeOf(summary.seen_at))));
}

function fact(name, value) {
  return h('div', {}, h('dt', {}, name), h('dd', {}, value));
}

function sections(found, context) {
  const {summary} = found;
  return [
    panel('Why', 'why', reasons(found)),
    panel('What each action would cost', 'cost', costPicture(found.actions, summary.exponent, summary.currency)),
    found.missing?.length > 0 && panel('What was missing', 'missing', h('ul', {}, found.missing.map(({what, why}) => h('li', {}, h('b', {}, degradedInWords(what)), why && `: ${why}`)))),
    panel('The user’s payments', 'wide', timeline(found)),
    panel('What is usual for the user', 'usual', usual(found.usual ?? [])),
    panel('What the model was told', 'features', features(found.features ?? [])),
    ...(found.entities ?? []).map((entity) => entityPanel(entity)),
    found.links?.length > 0 && panel('Links', 'links', h('ul', {class: 'plain'}, found.links.map(linkLine))),
    found.rules?.length > 0 && panel('Rules that fired', 'rules', h('ul', {class: 'plain'}, found.rules.map(ruleLine))),
    panel('Said about it', 'history', sayings(found)),
    panel('Where it comes from', 'lineage', lineage(found, context)),
  ];
}

let panels = 0;  // for ids: headings name their sections

function panel(title, name, ...content) {
  panels += 1;
  const id = `panel-${panels}`;
  return h('section', {class: `panel ${name}`, 'aria-labelledby': id}, h('h2', {id}, title), content);
}

function reasons({reasons: list}) {
  if (!list?.length) return h('p', {class: 'faint'}, 'No reasons were given.');
  return h('ol', {class: 'reasons'}, list.map((reason) => {
    const picture = rangePicture({value: reason.value, low: reason.typical_low, high: reason.typical_high, hours: reason.code === 'unusual_hour'});
    return h('li', {}, h('p', {}, reason.text), picture && [picture, h('p', {class: 'faint ends'}, usualInWords(reason))]);
  }));
}

function usualInWords({code, typical_low: low, typical_high: high, unit}) {
  if (code === 'unusual_hour') return `usual from ${figure(low)} to ${figure(high)} o’clock, UTC`;
  return `usual ${figure(low)} to ${figure(high)}${unit && unit !== 'XXX' ? ` ${unit}` : ''}`;
}

function usual(list) {
  if (list.length === 0) return h('p', {class: 'faint'}, 'Too little is known of this user for a usual range.');
  return h('table', {class: 'ranges', 'aria-label': 'Usual ranges of the user'},
    h('thead', {}, h('tr', {}, h('th', {scope: 'col'}, ''), h('th', {scope: 'col', class: 'num'}, 'This'), h('th', {scope: 'col'}, 'In the usual range'), h('th', {scope: 'col', class: 'num'}, 'Usual'))),
    h('tbody', {}, list.map((row) => h('tr', {},
      h('th', {scope: 'row'}, row.text ?? row.name),
      h('td', {class: 'num'}, figure(row.this), row.unit && row.unit !== 'XXX' && h('span', {class: 'unit'}, ` ${row.unit}`)),
      h('td', {}, rangePicture({value: row.this, low: row.low, high: row.high, median: row.median, hours: row.low > row.high || row.unit === 'hour'})),
      h('td', {class: 'num faint'}, `${figure(row.low)} – ${figure(row.high)}`)))));
}

function features(list) {
  if (list.length === 0) return h('p', {class: 'faint'}, 'No declared features.');
  return h('dl', {class: 'values'}, list.map(({name, value}) => h('div', {}, h('dt', {class: 'id'}, name), h('dd', {class: 'num'}, value === null ? h('span', {class: 'faint'}, 'missing') : figure(value)))));
}

function entityPanel({kind, id, features: list, profile, recent}) {
  const behind = profile ? ['As known ', timeOf(profile.as_of), ` (version ${profile.sequence}).`] : 'No profile was there.';
  const body = h('tbody');
  body.append(...(recent ?? []).map(verdictRow));
  return panel([`${kind[0].toUpperCase()}${kind.slice(1)} `, h('span', {class: 'id'}, id)], `entity ${kind}`,
    h('p', {class: 'faint'}, behind), list?.length > 0 && features(list),
    recent?.length > 0 ? [h('h3', {}, 'Other users’ payments there'), verdictTable(`Other users’ payments at ${id}`, body)] : h('p', {class: 'faint'}, 'No payment of another user there is kept here.'));
}

function linkLine({kind, id, users, frauds}) {
  return h('li', {}, `${kind} `, h('a', {class: 'id', href: address('search', '', `q=${encodeURIComponent(id)}`)}, id), `: ${users === 1 ? 'one user' : `${figure(users)} users`}`,
    frauds > 0 && h('b', {class: 'alarm'}, `, ${frauds === 1 ? 'one fraud' : `${figure(frauds)} frauds`} known`));
}

function ruleLine(rule) {
  return h('li', {}, h('b', {class: 'id'}, rule.rule_id ?? rule.name ?? rule.id ?? 'rule'), ' ', rule.text ?? rule.effect ?? '', rule.mode === 'shadow' && h('span', {class: 'mark'}, 'shadow'));
}

function sayings({dispositions = [], labels = []}) {
  if (!dispositions.length && !labels.length) return h('p', {class: 'faint'}, 'Nobody has said anything about this payment.');
  return h('ul', {class: 'plain history'},
    dispositions.map((said) => h('li', {}, dispositionMark({...said, analyst: null}), ` ${said.analyst}, `, timeOf(said.at), said.note && h('q', {class: 'note'}, said.note))),
    labels.map((label) => h('li', {}, h('span', {class: 'mark said', data: {said: label.is_fraud ? 'fraud' : 'good'}}, label.is_fraud ? 'fraud' : 'good'), ` label${label.type ? ` (${label.type})` : ''}, `, timeOf(label.label_time), ' ', h('span', {class: 'id faint'}, label.label_id))));
}

function lineage({verdict, derive, summary}, context) {
  const input = verdict.input ?? {};
  const copy = h('button', {type: 'button', 'aria-keyshortcuts': 'c', on: {click: () => copyText(derive, context.announce)}}, 'Copy', h('kbd', {'aria-hidden': 'true'}, 'c'));
  return [
    h('dl', {class: 'lines'},
      fact('Model', verdict.model ? [`${verdict.model.name} ${verdict.model.version} `, digest(verdict.model.digest)] : 'none'),
      fact('Prices and rules', digest(verdict.rules?.digest)),
      fact('Record', input.topic ? h('span', {class: 'id'}, `${input.topic} / ${input.partition} / ${input.offset}`) : '–'),
      fact('Probability', h('span', {class: 'num'}, summary.p === null ? '–' : String(summary.p)))),
    derive && h('div', {class: 'derive'}, h('code', {tabindex: 0}, derive), copy),
    h('details', {}, h('summary', {}, 'The verdict as committed'), h('pre', {tabindex: 0}, JSON.stringify(verdict, null, 2))),
  ];
}

function digest(text) {
  return text ? h('span', {class: 'id', title: text}, `${text.slice(0, 19)}…`) : '–';
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
  return {title: `Case ${route.id.slice(0, 8)}`, keys: [...view.bindings, {keys: ['Escape'], word: 'Back', run: back}], close: () => view.close()};
}

function back() {
  if (window.history.length > 1) window.history.back();
  else location.hash = address('feed');
}
