// Numbers, money and times as people read them. No DOM in here.

const NARROW = '\u202F';  // narrow space that does not break

/// Minor units as a decimal number in the reader's way of writing; exact for any size. `exponent`: decimals of the currency.
export function amount(minor, exponent = 2, locale = undefined) {
  if (minor === null || minor === undefined) return '–';
  const value = BigInt(minor);
  const digits = (value < 0n ? -value : value).toString().padStart(exponent + 1, '0');
  const whole = new Intl.NumberFormat(locale).format(BigInt(digits.slice(0, digits.length - exponent)));
  const sign = value < 0n ? '−' : '';
  return exponent === 0 ? sign + whole : sign + whole + decimalPoint(locale) + digits.slice(digits.length - exponent);
}

/// "976.80 EUR". XXX is ISO 4217 for "no currency": the code says nothing, so it is left out.
export function money(minor, exponent, currency, locale = undefined) {
  return withCurrency(amount(minor, exponent, locale), currency);
}

/// Major units (expected costs, money a minute): as many decimals as the currency has, more where it would read as nothing.
export function major(value, exponent = 2, currency = '', locale = undefined) {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  const least = 10 ** -exponent;
  if (size > 0 && size < least / 2) return withCurrency(`<${NARROW}${number(least, exponent, locale)}`, currency);
  return withCurrency(number(value, exponent, locale), currency);
}

function withCurrency(text, currency) {
  return currency && currency !== 'XXX' && text !== '–' ? `${text}\u00A0${currency}` : text;
}

export function number(value, decimals = 0, locale = undefined) {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  return new Intl.NumberFormat(locale, {minimumFractionDigits: decimals, maximumFractionDigits: decimals}).format(value);
}

/// A value of a feature or range: three to four digits that matter.
export function figure(value, locale = undefined) {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  const decimals = Number.isInteger(value) || size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : size >= 0.01 ? 3 : 4;
  if (size > 0 && size < 0.00005) return value.toExponential(1);
  return new Intl.NumberFormat(locale, {maximumFractionDigits: decimals}).format(value);
}

/// A probability. Never rounds a doubt away: 100 % and 0 % are only said when they are meant.
export function probability(p, locale = undefined) {
  if (p === null || p === undefined || !Number.isFinite(p)) return '–';
  if (p > 0 && p < 0.0001) return `<${NARROW}${number(0.01, 2, locale)}${NARROW}%`;
  if (p < 1 && p > 0.9999) return `>${NARROW}${number(99.99, 2, locale)}${NARROW}%`;
  const percent = p * 100;
  return number(percent, p === 0 || p === 1 ? 0 : percent < 1 || percent > 99 ? 2 : 1, locale) + `${NARROW}%`;
}

export function share(value, locale = undefined) {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  const percent = value * 100;
  return number(percent, percent > 0 && percent < 10 ? 1 : 0, locale) + `${NARROW}%`;
}

/// Records a second: a few digits, whatever the size.
export function rate(value, locale = undefined) {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  return number(value, value > 0 && value < 10 ? 1 : 0, locale);
}

/// A duration in microseconds as "3.1 µs", "2.4 ms", "1.2 s".
export function micros(us, locale = undefined) {
  if (us === null || us === undefined || !Number.isFinite(us)) return '–';
  const [value, unit] = us < 1000 ? [us, 'µs'] : us < 1e6 ? [us / 1000, 'ms'] : [us / 1e6, 's'];
  return `${number(value, value < 10 ? 1 : 0, locale)}${NARROW}${unit}`;
}

/// The same of milliseconds. Nothing measured is no measurement: null times a thousand would be one of zero.
export function millis(ms, locale = undefined) { return micros(Number.isFinite(ms) ? ms * 1000 : null, locale); }

/// The largest two units of a span: "3 d 4 h", "12 min", "41 s".
export function span(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return '–';
  const total = Math.max(0, Math.round(seconds));
  const parts = [
    [Math.floor(total / 86400), 'd'], [Math.floor(total / 3600) % 24, 'h'], [Math.floor(total / 60) % 60, 'min'], [total % 60, 's']];
  const first = parts.findIndex(([count]) => count > 0);
  if (first < 0) return '0 s';
  const shown = parts.slice(first, first + 2).filter(([count]) => count > 0);
  return shown.map(([count, unit]) => `${count}\u00A0${unit}`).join(' ');
}

/// The reader's zone: "16:59:58" today, "19 Aug, 16:59" this year, "19 Aug 2018, 16:59" before. `now`: ms.
export function when(time, now, {zone = undefined, locale = undefined, seconds = false} = {}) {
  const at = new Date(time);
  if (!time || Number.isNaN(at.getTime())) return '–';
  const day = (value) => new Intl.DateTimeFormat('en-CA', {timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit'}).format(value);
  const clock = {hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone: zone};
  if (day(at) === day(now)) return new Intl.DateTimeFormat(locale, {...clock, second: '2-digit'}).format(at);
  const year = day(at).slice(0, 4) === day(now).slice(0, 4) ? {} : {year: 'numeric'};
  if (seconds) clock.second = '2-digit';
  return new Intl.DateTimeFormat(locale, {...clock, ...year, month: 'short', day: 'numeric'}).format(at);
}

/// For the title of a time: the moment in UTC, to the millisecond where it has one.
export function utc(time) {
  const at = new Date(time);
  if (!time || Number.isNaN(at.getTime())) return '';
  return `${at.toISOString().replace('T', ' ').replace('.000Z', 'Z').replace('Z', ' UTC')}`;
}

function decimalPoint(locale) {
  return new Intl.NumberFormat(locale).formatToParts(1.5).find((part) => part.type === 'decimal').value;
}
