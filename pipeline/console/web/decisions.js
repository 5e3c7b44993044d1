// What this analyst decides, from the key to Kafka's acknowledgement. A case moves on at once, but nothing is called
// recorded before the server said so; what failed or met another's decision stays in the tray until somebody deals with it.

import * as api from './api.js';
import {h, replace} from './dom.js';
import {money} from './format.js';
import {address} from './router.js';
import {DISPOSED, DISPOSITIONS, dispositionIcon} from './words.js';

const RECORDED_STAYS_MS = 8000;

/// Events: `change` with the entry in `detail`. An entry: {summary, disposition, note, state, refusal, present}, state one of
/// pending, recorded, failed, conflict.
export class Decisions extends EventTarget {
  constructor(session) {
    super();
    this.session = session;
    this.entries = [];
    this.known = new Map();  // verdict_id -> newest Disposition that the page has seen
    addEventListener('beforeunload', (event) => {
      if (this.entries.some(({state}) => state === 'pending' || state === 'failed')) event.preventDefault();
    });
  }

  /// From the feed, a case or an answer; the highest revision stays.
  saw(disposition) {
    if (!disposition) return;
    const before = this.known.get(disposition.verdict_id);
    if (!before || disposition.revision > before.revision) this.known.set(disposition.verdict_id, disposition);
  }

  present(verdictId) { return this.known.get(verdictId) ?? null; }

  isPending(verdictId) {
    return this.entries.some((entry) => entry.summary.verdict_id === verdictId && entry.state === 'pending');
  }

  decide(summary, disposition, note) {
    const entry = {summary, disposition, note: note.trim(), revision: this.present(summary.verdict_id)?.revision ?? 0};
    this.entries = this.entries.filter((other) => other.summary.verdict_id !== summary.verdict_id || other.state === 'pending');
    this.entries.push(entry);
    this.last = entry;
    this.send(entry);
    return entry;
  }

  retry(entry) { this.send(entry); }

  dismiss(entry) {
    this.entries = this.entries.filter((other) => other !== entry);
    this.changed(entry);
  }

  async send(entry) {
    this.become(entry, 'pending');
    const {summary, disposition, note, revision} = entry;
    try {
      const answer = await api.dispose({verdict_id: summary.verdict_id, disposition, revision, ...(note && {note})});
      this.saw(answer);
      this.become(entry, 'recorded');
    } catch (refusal) {
      entry.refusal = refusal;
      entry.present = refusal.disposition ?? null;
      this.saw(entry.present);
      this.become(entry, this.wasOurs(entry) ? 'recorded' : refusal.status === 409 ? 'conflict' : 'failed');
    }
    if (entry.state === 'recorded') setTimeout(() => this.dismiss(entry), RECORDED_STAYS_MS);
  }

  /// A try whose answer got lost may have been recorded all the same: the next one then meets its own decision.
  wasOurs({present, disposition}) {
    return present && present.disposition === disposition && present.analyst === this.session.analyst;
  }

  become(entry, state) {
    entry.state = state;
    this.changed(entry);
  }

  changed(entry) { this.dispatchEvent(new CustomEvent('change', {detail: entry})); }
}

/// Draws the entries into the tray. `change(entry)`: the analyst wants to decide again.
export function drawTray(tray, decisions, change) {
  const shown = new Map();
  decisions.addEventListener('change', ({detail: entry}) => {
    const old = shown.get(entry);
    if (!decisions.entries.includes(entry)) {
      old?.remove();
      shown.delete(entry);
      return;
    }
    const item = old ?? h('article', {class: 'told'});
    item.dataset.state = entry.state;
    item.dataset.verdict = entry.summary.verdict_id;
    replace(item, ...told(entry, decisions, change));
    if (!old) {
      shown.set(entry, item);
      tray.append(item);
    }
    for (const [other, element] of shown) {
      if (decisions.entries.includes(other)) continue;
      element.remove();
      shown.delete(other);
    }
  });
}

function told(entry, decisions, change) {
  const {summary} = entry;
  const title = h('p', {class: 'told-what'}, dispositionIcon(entry.disposition), h('b', {}, DISPOSITIONS[entry.disposition].word),
    ` ${money(summary.amount_minor, summary.exponent, summary.currency)} · `, h('span', {class: 'id'}, summary.user_id));
  const button = (text, act, key) => h('button', {type: 'button', on: {click: act}}, text, key && h('kbd', {'aria-hidden': 'true'}, key));
  const away = h('button', {type: 'button', class: 'icon', 'aria-label': 'Put away', on: {click: () => decisions.dismiss(entry)}}, '×');
  switch (entry.state) {
    case 'pending':
      return [title, h('p', {class: 'faint'}, 'Being recorded…')];
    case 'recorded':
      return [title, h('p', {}, 'Recorded on labels and audit.'), h('p', {class: 'acts'}, button('Change', () => change(entry), 'u'), away)];
    case 'conflict':
      return [title, h('p', {class: 'alarm'}, conflictText(entry)),
        h('p', {class: 'acts'}, h('a', {href: address('case', summary.verdict_id)}, 'Look and decide again'), away)];
    default:
      return [title, h('p', {class: 'alarm'}, `${isUnknown(entry) ? 'Not confirmed' : 'Not recorded'}. ${entry.refusal.message}.`), h('p', {}, entry.refusal.next),
        h('p', {class: 'acts'}, button('Try again', () => decisions.retry(entry)),
          h('a', {href: address('case', summary.verdict_id)}, 'Open'), away)];
  }
}

/// Without an answer, or without Kafka's: it may be recorded. Trying again is safe either way.
function isUnknown({refusal: {status}}) { return status === 0 || status === 503; }

function conflictText({present}) {
  if (!present) return 'Not recorded: somebody else has decided this case meanwhile.';
  const {analyst, disposition, note} = present;
  return `Not recorded: ${analyst} has said ${DISPOSED[disposition] ?? disposition} meanwhile${note ? `: “${note}”` : '.'}`;
}
