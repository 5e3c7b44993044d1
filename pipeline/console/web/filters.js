// What the feed shows: one object, one query string, one sentence. The server applies it.

import {ACTIONS} from './words.js';

const TEXTS = ['currency', 'user', 'merchant'];

/// From the query of a link; what makes no sense is left out.
export function fromQuery(query) {
  const filters = {};
  const actions = (query.get('action') ?? '').split(',').filter((action) => action in ACTIONS);
  if (actions.length) filters.action = actions;
  const p = Number(query.get('min_p'));
  if (p > 0 && p <= 1) filters.min_p = p;
  const minor = query.get('min_amount_minor') ?? '';
  if (/^[1-9]\d{0,17}$/.test(minor)) filters.min_amount_minor = minor;
  for (const name of TEXTS) {
    const text = (query.get(name) ?? '').trim();
    if (text) filters[name] = name === 'currency' ? text.toUpperCase() : text;
  }
  if (query.get('degraded') === '1') filters.degraded = true;
  return filters;
}

/// The same object always gives the same text.
export function toQuery(filters) {
  const query = new URLSearchParams();
  if (filters.action?.length) query.set('action', Object.keys(ACTIONS).filter((action) => filters.action.includes(action)).join(','));
  if (filters.min_p) query.set('min_p', filters.min_p);
  if (filters.min_amount_minor) query.set('min_amount_minor', filters.min_amount_minor);
  for (const name of TEXTS) if (filters[name]) query.set(name, filters[name]);
  if (filters.degraded) query.set('degraded', '1');
  return query;
}

/// "120.5" in a currency of two decimals is "12050"; null when it is no amount.
export function toMinor(text, exponent = 2) {
  const found = /^(\d{1,15})(?:[.,](\d*))?$/.exec(text.trim().replace(/[\s\u00A0\u202F']/g, ''));
  if (!found || (found[2] ?? '').length > exponent) return null;
  return (found[1] + (found[2] ?? '').padEnd(exponent, '0')).replace(/^0+(?=\d)/, '');
}

export function fromMinor(minor, exponent = 2) {
  const digits = String(minor).padStart(exponent + 1, '0');
  const fraction = digits.slice(digits.length - exponent).replace(/0+$/, '');
  return digits.slice(0, digits.length - exponent) + (exponent && fraction ? `.${fraction}` : '');
}

export function isEmpty(filters) { return toQuery(filters).toString() === ''; }

/// Decimals that ISO 4217 gives a currency; the amount filter needs them before a payment was seen.
export function exponentOf(currency) {
  if (!/^[A-Z]{3}$/.test(currency ?? '')) return 2;
  return new Intl.NumberFormat('en', {style: 'currency', currency}).resolvedOptions().maximumFractionDigits;
}
