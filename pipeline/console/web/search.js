// Search by payment, user, merchant or verdict id, or the beginning of one; by the whole id of a device, address or card.

import * as api from './api.js';
import {h, replace} from './dom.js';
import {number} from './format.js';
import {RowCursor, timeOf, verdictRow, verdictTable} from './rows.js';

const HOW = 'Write the id of a payment, user, merchant or verdict above, or its first four characters; or all of a device’s, address’s or card’s.';

export function showSearch(main, context, route) {
  const text = (route.query.get('q') ?? '').trim();
  context.searchBox.value = text;
  const body = h('tbody');
  const cursor = new RowCursor(body);
  const table = verdictTable(`Payments that match ${text}`, body);
  const said = h('p', {class: 'found', role: 'status'}, text ? 'Searching…' : HOW);
  table.hidden = true;
  const title = h('h1', {tabindex: -1}, text ? ['Search: ', h('span', {class: 'id'}, text)] : 'Search');
  replace(main, h('div', {class: 'view'}, h('div', {class: 'view-head'}, title), said, table));

  let closed = false;
  if (text) {
    api.verdicts(text).then((answer) => {
      if (closed) return;
      body.append(...answer.verdicts.map(verdictRow));
      table.hidden = answer.verdicts.length === 0;
      replace(said, found(answer));
    }).catch((refusal) => {
      if (!closed) replace(said, h('span', {class: 'alarm'}, `${refusal.message}. `), refusal.next);
    });
  }
  return {
    title: text ? `Search: ${text}` : 'Search',
    keys: [
      {keys: ['j', 'ArrowDown'], word: 'Next payment', run: () => cursor.move(1), repeats: true},
      {keys: ['k', 'ArrowUp'], word: 'Payment before', run: () => cursor.move(-1), repeats: true},
      {keys: ['Enter', 'o'], word: 'Open the case', run: () => cursor.open()},
    ],
    close() { closed = true; },
  };
}

function found({verdicts, complete, from}) {
  const count = verdicts.length;
  const many = `${number(count)} payments, newest first${complete ? '' : '; there are more'}. `;
  const head = count === 0 ? 'Nothing found. ' : count === 1 ? 'One payment. ' : many;
  return [head, h('span', {class: 'faint'}, 'This server looks back to ', from ? timeOf(from) : 'its start', '; older verdicts are in the topic.')];
}
