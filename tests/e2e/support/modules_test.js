// The page's modules without a page: what they compute. console_modules_test.py opens this in Chromium and reads `results`.

import {h, svg} from '/assets/dom.js';
import * as filters from '/assets/filters.js';
import * as format from '/assets/format.js';
import {rangePicture} from '/assets/pictures.js';
import {address, parse} from '/assets/router.js';
import {backOff, EventParser} from '/assets/stream.js';

const results = [];

function test(name, run) {
  try {
    run();
    results.push({name, error: null});
  } catch (error) {
    results.push({name, error: String(error)});
  }
}

function equal(is, should) {
  const [left, right] = [JSON.stringify(is), JSON.stringify(should)];
  if (left !== right) throw new Error(`is ${left}, should be ${right}`);
}

const plain = (text) => text.replace(/[\u202F\u00A0]/g, ' ');

test('money is exact in minor units, whatever the size and the decimals of the currency', () => {
  equal(format.amount(97680, 2, 'en'), '976.80');
  equal(format.amount(5, 2, 'en'), '0.05');
  equal(format.amount(0, 2, 'en'), '0.00');
  equal(format.amount(-12345, 2, 'en'), '−123.45');
  equal(format.amount(4992, 0, 'en'), '4,992');
  equal(format.amount(8858, 3, 'en'), '8.858');
  equal(format.amount('900719925474099301', 2, 'en'), '9,007,199,254,740,993.01');
  equal(format.amount(97680, 2, 'de'), '976,80');
  equal(format.amount(null, 2, 'en'), '–');
});

test('XXX, no currency, is left out; others follow the number', () => {
  equal(plain(format.money(97680, 2, 'XXX', 'en')), '976.80');
  equal(plain(format.money(97680, 2, 'EUR', 'en')), '976.80 EUR');
});

test('a cost too small for the currency is not shown as nothing', () => {
  equal(plain(format.major(0.0012, 2, 'EUR', 'en')), '< 0.01 EUR');
  equal(plain(format.major(0, 2, 'EUR', 'en')), '0.00 EUR');
  equal(plain(format.major(3, 0, 'JPY', 'en')), '3 JPY');
  equal(format.major(null), '–');
});

test('a probability is never rounded to certainty', () => {
  const words = (p) => plain(format.probability(p, 'en'));
  equal([0, 0.00001, 0.0012, 0.25, 0.9931, 0.99999, 1].map(words), ['0 %', '< 0.01 %', '0.12 %', '25.0 %', '99.31 %', '> 99.99 %', '100 %']);
  equal(words(null), '–');
});

test('spans name their largest two units', () => {
  equal([0, 41, 60, 3725, 273600, 86400].map((s) => plain(format.span(s))), ['0 s', '41 s', '1 min', '1 h 2 min', '3 d 4 h', '1 d']);
});

test('delays have the unit in which they read best', () => {
  equal([0.2, 21, 2400, 1.2e6, null].map((us) => plain(format.micros(us, 'en'))), ['0.2 µs', '21 µs', '2.4 ms', '1.2 s', '–']);
});

test('times are those of the reader, with the date only when it is not today', () => {
  const now = Date.parse('2026-11-28T23:30:00Z');
  const berlin = {zone: 'Europe/Berlin', locale: 'en-GB'};
  equal(format.when('2026-11-28T23:10:05Z', now, berlin), '00:10:05');  // both are the 29th there
  equal(format.when('2026-11-28T21:10:05Z', now, berlin), '28 Nov, 22:10');
  equal(format.when('2018-08-19T16:59:58Z', now, {...berlin, seconds: true}), '19 Aug 2018, 18:59:58');
  equal(format.when('soon', now, berlin), '–');
  equal(format.utc('2018-08-19T16:59:58Z'), '2018-08-19 16:59:58 UTC');
  equal(format.utc('2018-08-19T16:59:58.250Z'), '2018-08-19 16:59:58.250 UTC');
});

test('filters go into a link and come back the same', () => {
  const all = {action: ['review', 'decline'], min_p: 0.5, min_amount_minor: '12050', currency: 'EUR', user: 'C0939 & co', merchant: 'T/1', degraded: true};
  equal(filters.fromQuery(new URLSearchParams(filters.toQuery(all).toString())), all);
  equal(filters.toQuery(all).toString(), filters.toQuery({...all, action: ['decline', 'review']}).toString());
  equal(filters.isEmpty({}), true);
});

test('what makes no sense in a link is left out', () => {
  equal(filters.fromQuery(new URLSearchParams('action=shout&min_p=7&min_amount_minor=-3&currency=%20&degraded=no&x=1')), {});
});

test('an amount becomes minor units exactly, or nothing', () => {
  equal(['120.5', '120,50', '1 200', '0.05', '12.345', 'ten', '', '-4'].map((text) => filters.toMinor(text, 2)), ['12050', '12050', '120000', '5', null, null, null, null]);
  equal([filters.toMinor('4992', 0), filters.toMinor('4992.5', 0), filters.toMinor('8.858', 3)], ['4992', null, '8858']);
  equal([filters.fromMinor('12050', 2), filters.fromMinor('5', 2), filters.fromMinor('4992', 0), filters.fromMinor('1200', 2)], ['120.5', '0.05', '4992', '12']);
  equal([filters.exponentOf('EUR'), filters.exponentOf('JPY'), filters.exponentOf('KWD'), filters.exponentOf('')], [2, 0, 3, 2]);
});

test('addresses keep any id whole', () => {
  equal(parse(address('case', 'a/b c%?#ä')).id, 'a/b c%?#ä');
  equal(parse('#/case/50%').id, '50%');
  equal([parse('').view, parse('#/queue').view, parse('#/search?q=C1').query.get('q')], ['feed', 'queue', 'C1']);
});

test('back-off doubles to half a minute, half by chance, and heeds the server', () => {
  equal([1, 2, 3, 7, 20].map((attempt) => backOff(attempt, () => 0)), [250, 500, 1000, 15000, 15000]);
  equal([1, 2, 3, 7, 20].map((attempt) => backOff(attempt, () => 1)), [500, 1000, 2000, 30000, 30000]);
  equal(backOff(1, () => 0, 20), 20000);
});

test('events are whole, however the bytes are cut', () => {
  const text = ': awake\n\nid: 7\nevent: figures\ndata: {"a":1}\n\nid: 8\nevent: verdicts\r\ndata: x\r\ndata: y\r\n\r\ndata: z\n\n';
  const whole = new EventParser().push(text);
  equal(whole, [{event: 'figures', data: '{"a":1}', id: '7'}, {event: 'verdicts', data: 'x\ny', id: '8'}, {event: 'message', data: 'z', id: '8'}]);
  const parser = new EventParser();
  equal([...text].flatMap((character) => parser.push(character)), whole);
});

test('what comes from outside is text and never markup', () => {
  const hostile = '<img src=x onerror="window.hit=1">';
  const made = h('p', {title: hostile, data: {id: hostile}}, hostile, [null, false, h('b', {}, 7)]);
  equal([made.children.length, made.textContent, made.title], [1, `${hostile}7`, hostile]);
  equal(svg('svg', {}, svg('title', {}, hostile)).children.length, 1);
});

test('a range over midnight has two bands, and its inside is inside', () => {
  const night = rangePicture({value: 3, low: 22, high: 6, hours: true});
  equal([night.querySelectorAll('.band').length, night.dataset.outside], [2, 'false']);
  equal(rangePicture({value: 12, low: 22, high: 6, hours: true}).dataset.outside, 'true');
  equal(rangePicture({value: 500, low: 10, high: 90}).dataset.outside, 'true');
  equal(rangePicture({value: null, low: 1, high: 2}), null);
});

window.results = results;
