// What a case shows below its keys: each panel answers one question an analyst has.

import {h} from './dom.js';
import {figure, number} from './format.js';
import {costPicture, rangePicture} from './pictures.js';
import {dispositionMark, idLink, linkedRow, timeOf, verdictTable} from './rows.js';
import {timeline} from './timeline.js';
import {degradedInWords, ENTITIES, entityWord} from './words.js';

/// All panels of a Case, in the order in which they are read. `copy(text)` puts a command into the clipboard.
export function panels(found, copy) {
  const {summary} = found;
  return [
    panel('Why', 'why', reasons(found.reasons ?? [])),
    panel('What each action would cost', 'cost', costPicture(found.actions, summary.exponent, summary.currency)),
    found.missing?.length > 0 && panel('What was missing', 'missing', h('ul', {}, found.missing.map(missingLine))),
    panel('The user’s payments', 'wide', timeline(found)),
    panel('What is usual for the user', 'usual', usual(found.usual ?? [])),
    panel('What the model was told', 'features', features(found.features ?? [])),
    (found.entities ?? []).map(entityPanel),
    found.links?.length > 0 && panel('Links', 'links', h('ul', {class: 'plain'}, found.links.map(linkLine)), found.kept && lookedThrough(found.kept)),
    found.rules?.length > 0 && panel('Rules that fired', 'rules', h('ul', {class: 'plain'}, found.rules.map(ruleLine))),
    panel('Said about it', 'history', sayings(found.dispositions ?? [], found.labels ?? [])),
    panel('Where it comes from', 'lineage', lineage(found, copy)),
  ];
}

const LOOKED_AT_MAX = 5000;  // payments of one entity; the server looks no further

export function fact(name, value) {
  return h('div', {}, h('dt', {}, name), h('dd', {}, value));
}

let count = 0;  // for ids: headings name their sections

function panel(title, name, ...content) {
  count += 1;
  const id = `panel-${count}`;
  return h('section', {class: `panel ${name}`, 'aria-labelledby': id}, h('h2', {id}, title), content);
}

function faint(text) {
  return h('p', {class: 'faint'}, text);
}

function reasons(list) {
  if (list.length === 0) return faint('No reasons were given.');
  return h('ol', {class: 'reasons'}, list.map((reason) => {
    const {code, text, value, typical_low: low, typical_high: high} = reason;
    const picture = rangePicture({value, low, high, hours: code === 'unusual_hour'});
    return h('li', {}, h('p', {}, text), picture && [picture, h('p', {class: 'faint ends'}, usualInWords(reason))]);
  }));
}

function usualInWords({code, typical_low: low, typical_high: high, unit}) {
  if (code === 'unusual_hour') return `usual from ${figure(low)} to ${figure(high)} o’clock, UTC`;
  return `usual ${figure(low)} to ${figure(high)}${unit && unit !== 'XXX' ? ` ${unit}` : ''}`;
}

function missingLine({what, why}) {
  return h('li', {}, h('b', {}, degradedInWords(what)), why && `: ${why}`);
}

function usual(list) {
  if (list.length === 0) return faint('Too little is known of this user for a usual range.');
  const head = (text, cls) => h('th', {scope: 'col', class: cls}, text);
  return h('table', {class: 'ranges', 'aria-label': 'Usual ranges of the user'},
    h('thead', {}, h('tr', {}, head(''), head('This', 'num'), head('In the usual range'), head('Usual', 'num'))),
    h('tbody', {}, list.map(usualRow)));
}

function usualRow({name, text, low, high, median, this: value, unit}) {
  return h('tr', {},
    h('th', {scope: 'row'}, text ?? name),
    h('td', {class: 'num'}, figure(value), unit && unit !== 'XXX' && h('span', {class: 'unit'}, ` ${unit}`)),
    h('td', {}, rangePicture({value, low, high, median, hours: low > high || unit === 'hour'})),
    h('td', {class: 'num faint'}, `${figure(low)} – ${figure(high)}`));
}

function features(list) {
  if (list.length === 0) return faint('No declared features.');
  return h('dl', {class: 'values'}, list.map(({name, value}) => h('div', {},
    h('dt', {class: 'id'}, name),
    h('dd', {class: 'num'}, value === null ? h('span', {class: 'faint'}, 'missing') : figure(value)))));
}

function entityPanel({kind, id, features: list, profile, recent}) {
  const title = [`${entityWord(kind)} `, idLink(id)];
  const behind = profile ? ['As known ', timeOf(profile.as_of), ` (version ${profile.sequence}).`] : 'No profile was there.';
  return panel(title, `entity ${kind}`, faint(behind), list?.length > 0 && features(list), kind !== 'user' && others(kind, id, recent ?? []));
}

/// The newest ten; the search behind the id has them all.
function others(kind, id, recent) {
  const there = ENTITIES[kind]?.there ?? 'there';
  if (recent.length === 0) return faint(`No payment of another user ${there} is kept here.`);
  const body = h('tbody', {}, recent.map(linkedRow));
  return [h('h3', {}, `Other users’ payments ${there}`), verdictTable(`Other users’ payments: ${entityWord(kind).toLowerCase()} ${id}`, body)];
}

function lookedThrough({verdicts, from}) {
  return h('p', {class: 'faint'}, `Counted over the last ${number(verdicts)} verdicts, all that is kept here`, from && [', back to ', timeOf(from)], '.');
}

function linkLine({kind, id, users, payments, frauds}) {
  return h('li', {}, `${entityWord(kind)} `, idLink(id), `: ${users === 1 ? 'one user' : `${figure(users)} users`}`,
    payments > 0 && `, ${payments === 1 ? 'one payment' : `${payments >= LOOKED_AT_MAX ? 'the last ' : ''}${figure(payments)} payments`}`,
    frauds > 0 && h('b', {class: 'alarm'}, `, ${frauds === 1 ? 'one fraud' : `${figure(frauds)} frauds`} known`));
}

function ruleLine(rule) {
  return h('li', {}, h('b', {class: 'id'}, rule.rule_id ?? rule.name ?? 'rule'), ' ', rule.text ?? rule.effect,
    rule.mode === 'shadow' && h('span', {class: 'mark'}, 'shadow'));
}

function sayings(dispositions, labels) {
  if (dispositions.length + labels.length === 0) return faint('Nobody has said anything about this payment.');
  return h('ul', {class: 'plain history'}, dispositions.map(sayingLine), labels.map(labelLine));
}

function sayingLine(said) {
  return h('li', {}, dispositionMark({...said, analyst: null}), ` ${said.analyst}, `, timeOf(said.at),
    said.note && h('q', {class: 'note'}, said.note));
}

function labelLine({label_id: id, is_fraud: isFraud, type, label_time: time}) {
  const word = isFraud ? 'fraud' : 'good';
  return h('li', {}, h('span', {class: 'mark said', data: {said: word}}, word), ` label${type ? ` (${type})` : ''}, `, timeOf(time), ' ',
    h('span', {class: 'id faint'}, id));
}

function lineage({verdict, derive, summary}, copy) {
  const {model, rules, input} = verdict;
  return [
    h('dl', {class: 'lines'},
      fact('Model', model ? [`${model.name} ${model.version} `, digest(model.digest)] : 'none'),
      fact('Prices and rules', digest(rules?.digest)),
      fact('Record', input ? h('span', {class: 'id'}, `${input.topic} / ${input.partition} / ${input.offset}`) : '–'),
      fact('Probability', summary.p === null ? '–' : String(summary.p))),
    derive && h('div', {class: 'derive'}, h('code', {tabindex: 0}, derive),
      h('button', {type: 'button', 'aria-keyshortcuts': 'c', on: {click: () => copy(derive)}}, 'Copy', h('kbd', {'aria-hidden': 'true'}, 'c'))),
    h('details', {}, h('summary', {}, 'The verdict as committed'), h('pre', {tabindex: 0}, JSON.stringify(verdict, null, 2))),
  ];
}

function digest(text) {
  return text ? h('span', {class: 'id', title: text}, `${text.slice(0, 19)}…`) : '–';
}
