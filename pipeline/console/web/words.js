// What things are called, and the shapes that go with them: colour is never the only sign.

import {svg} from './dom.js';

/// Actions from mild to strict; `shape` is drawn on 16 by 16.
export const ACTIONS = {
  approve: {word: 'Approve', past: 'Approved', shape: 'M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 0 0 0-13zM5 8.2l2.1 2.1L11 6.2'},
  challenge: {word: 'Challenge', past: 'Challenged', shape: 'M8 1.2L14.8 8L8 14.8L1.2 8zM6.4 6.6a1.6 1.6 0 1 1 2.3 1.5c-.5.3-.7.5-.7 1M8 11.2v.1'},
  review: {word: 'Review', past: 'To review', shape: 'M1.5 8c3.4-5.4 9.6-5.4 13 0c-3.4 5.4-9.6 5.4-13 0zM8 6.1a1.9 1.9 0 1 0 0 3.8a1.9 1.9 0 0 0 0-3.8z'},
  decline: {word: 'Decline', past: 'Declined', shape: 'M5.3 1.5h5.4l3.8 3.8v5.4l-3.8 3.8H5.3l-3.8-3.8V5.3zM5.7 5.7l4.6 4.6M10.3 5.7l-4.6 4.6'},
  block: {word: 'Block', past: 'Blocked', shape: 'M2 2h12v12H2zM4.6 8h6.8'},
};

/// What an analyst may say, in the order of the buttons. `key` is the one key that does it.
export const DISPOSITIONS = {
  fraud: {word: 'Fraud', key: 'f', shape: 'M8 1.8L15 14H1zM8 6.2v3.6M8 11.7v.1'},
  good: {word: 'Good', key: 'g', shape: 'M3 8.6l3.4 3.4L13 4.6'},
  escalate: {word: 'Escalate', key: 'e', shape: 'M8 13.5v-10M3.8 7.2L8 3l4.2 4.2'},
};

export const DISPOSED = {fraud: 'fraud', good: 'good', escalate: 'escalated'};

/// The steps of the event path, in a few words each; an unknown one is shown by its name alone.
export const STEPS = {
  consume: 'records from the topic',
  decode: 'bytes to a payment',
  validate: 'every field in its range',
  dedupe: 'seen before?',
  history: 'the user’s past payments',
  windows: 'counts and sums over time',
  score: 'model: probability of fraud',
  rules: 'rules over all of it',
  decide: 'cheapest action wins',
  explain: 'reasons in words',
  remember: 'into the user’s state',
  emit: 'verdict and features written',
  link: 'news for merchants, devices',
  send: 'on the way to Kafka',
  produce: 'on the way to Kafka',
};

/// What a payment can name, and where others pay that named the same.
export const ENTITIES = {
  user: {word: 'User'},
  merchant: {word: 'Merchant', there: 'there'},
  device: {word: 'Device', there: 'with it'},
  ip: {word: 'Address', there: 'from it'},
  card: {word: 'Card', there: 'with it'},
};

export function entityWord(kind) {
  return ENTITIES[kind]?.word ?? `${kind[0].toUpperCase()}${kind.slice(1)}`;
}

const DEGRADED = {
  no_model: 'No model is configured: the prior was used',
  score_invalid: 'The model gave no number: the safe action was taken',
  poison: 'This record stopped the process twice: it was not scored again',
  profile_stale: 'What is known of the merchant was too old and was left out',
  profile_down: 'What is known of the merchant could not be read',
};

export function degradedInWords(cause) {
  return DEGRADED[cause] ?? cause;
}

export function actionWord(action) {
  return ACTIONS[action]?.word ?? String(action ?? '–');
}

export function actionIcon(action) {
  return icon(ACTIONS[action]?.shape ?? 'M2 8h12', `of-${ACTIONS[action] ? action : 'unknown'}`);
}

export function dispositionIcon(disposition) {
  return icon(DISPOSITIONS[disposition]?.shape ?? 'M2 8h12', `of-${DISPOSITIONS[disposition] ? disposition : 'unknown'}`);
}

function icon(shape, name) {
  return svg('svg', {class: `shape ${name}`, viewBox: '0 0 16 16', width: 14, height: 14, 'aria-hidden': 'true'}, svg('path', {d: shape}));
}
