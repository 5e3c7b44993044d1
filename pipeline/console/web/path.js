// The way of one payment, live: a stream from what waits in Kafka, past every step with its rate and delay, over the
// commit, out as verdicts. Drawn once for a width and a list of steps, then only numbers and lengths change.

import {h, replace, svg} from './dom.js';
import {micros, millis, number, rate, share} from './format.js';
import {ACTIONS, STEPS} from './words.js';

const LEAST_US = 0.1;  // the left end of the delays; the right end grows with what is measured

export function showPath(main, context) {
  const {live} = context;
  const host = h('div', {class: 'path-picture'});
  const numbers = h('dl', {class: 'figures', 'aria-label': 'Figures of this moment'});
  const curves = h('div', {class: 'curves'});
  const state = h('p', {class: 'ready', role: 'status'});
  replace(main, h('div', {class: 'view path'},
    h('div', {class: 'view-head'}, h('h1', {tabindex: -1}, 'The way of one payment'), numbers), state,
    h('div', {class: 'path-columns'}, host, curves)));

  let picture = null;
  let width = 0;  // known once the page is laid out
  const draw = () => {
    const figures = live.figures;
    const text = readyWords(figures, live.state);
    if (state.textContent !== text) state.textContent = text;
    state.classList.toggle('alarm', Boolean(figures && !figures.ready));
    if (!figures || !width) return;
    const names = (figures.steps ?? []).map(({name}) => name);
    const longest = Math.max(1000, ...(figures.steps ?? []).map(({p99_us: us}) => us ?? 0));
    if (!picture || picture.width !== width || picture.names.join() !== names.join() || longest > picture.most) {
      picture = new Picture(width, names, 10 ** Math.ceil(Math.log10(longest)));
      replace(host, picture.element);
    }
    picture.update(figures);
    replace(numbers, [['Payments a second', rate(figures.payments_per_second)], ['Verdicts a second', rate(figures.verdicts_per_second)],
      ['Dead letters a second', rate(figures.dead_letters_per_second)], ['Degraded', share(figures.degraded_share)]]
      .map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))));
    replace(curves, curve('Verdicts a second', live.history, (at) => at.verdicts_per_second, rate),
      curve('Delay p99, payment to verdict', live.history, (at) => at.delay_ms?.p99, millis),
      curve('Records that wait', live.history, (at) => at.lag_records, (value) => number(value)));
  };
  const resized = new ResizeObserver(([{contentRect}]) => {
    width = Math.max(240, Math.floor(contentRect.width));
    draw();
  });
  resized.observe(host);
  live.addEventListener('figures', draw);
  live.addEventListener('state', draw);
  draw();
  return {
    title: 'Path',
    keys: [],
    close() {
      resized.disconnect();
      live.removeEventListener('figures', draw);
      live.removeEventListener('state', draw);
    },
  };
}

function readyWords(figures, state) {
  if (state.phase !== 'open') return figures ? 'The feed is lost: the figures below are the last ones heard.' : 'Waiting for the first figures.';
  if (!figures) return 'Waiting for the first figures.';
  if (figures.ready) return 'Ready: payments are being decided.';
  return `Not ready${figures.waiting_for?.length ? `: waits for ${figures.waiting_for.join(', ')}` : ''}.`;
}

class Picture {
  /// `most`: the right end of the delays, in microseconds, a power of ten.
  constructor(width, names, most) {
    this.width = width;
    this.most = most;
    this.names = names;
    this.narrow = width < 620;
    this.tiny = width < 340;              // the rate then takes a line of its own
    this.row = this.tiny ? 60 : this.narrow ? 46 : 36;
    this.top = 78;
    this.left = 34;                       // the middle of the stream
    this.text = 70;
    this.barsFrom = this.narrow ? this.text : Math.round(Math.min(430, width * 0.46));
    this.barsTo = width - (this.narrow ? 8 : 132);
    this.foot = this.top + names.length * this.row + 26;
    const branches = Object.keys(ACTIONS);
    this.height = this.foot + 62 + branches.length * 24 + 8;
    this.steps = names.map((name, index) => this.step(name, index));
    this.branches = branches.map((action, index) => this.branch(action, index));
    this.waiting = svg('text', {class: 'strong', x: this.text, y: 26});
    this.pool = svg('rect', {class: 'pool', x: this.left - 22, width: 44, rx: 3});
    this.stream = svg('path', {class: 'stream', d: `M${this.left} ${this.top - 14}V${this.foot + 10}`});
    this.flow = svg('path', {class: 'flow', d: `M${this.left} ${this.top - 14}V${this.foot + 10}`});
    this.gate = svg('text', {class: 'strong', x: this.text, y: this.foot + 16});
    this.gateTimes = svg('text', {class: 'soft', x: this.text, y: this.foot + 34});
    this.element = svg('svg', {
      width, height: this.height, viewBox: `0 0 ${width} ${this.height}`, role: 'img', 'aria-label': 'Steps of the event path, with rates and delays'},
      this.axis(),
      svg('path', {class: 'bank', d: `M${this.left - 23} 8V${this.top - 22}H${this.left + 23}V8`}),
      this.pool, this.stream, this.flow, this.waiting,
      svg('text', {class: 'soft', x: this.text, y: 44}, 'records wait in the topic'),
      this.steps.map(({group}) => group),
      svg('rect', {class: 'gate', x: this.left - 26, y: this.foot + 6, width: 52, height: 8, rx: 2}), this.gate, this.gateTimes,
      this.branches.map(({group}) => group));
  }

  x(us) {
    const part = Math.log10(Math.max(us, LEAST_US) / LEAST_US) / Math.log10(this.most / LEAST_US);
    return this.barsFrom + (this.barsTo - this.barsFrom) * Math.min(1, part);
  }

  axis() {
    const end = this.top + this.names.length * this.row;
    const count = Math.round(Math.log10(this.most / LEAST_US)) + 1;
    const decades = Array.from({length: count}, (_, index) => LEAST_US * 10 ** index);
    const anchor = (index) => (index === 0 ? 'start' : index === count - 1 ? 'end' : 'middle');
    return svg('g', {class: 'axis'}, decades.map((us, index) => [
      svg('line', {x1: this.x(us), x2: this.x(us), y1: this.top - 8, y2: end}),
      (!this.narrow || index % 2 === 0) && svg('text', {x: this.x(us), y: this.top - 14, 'text-anchor': anchor(index)},
        micros(us).replace(/[.,]0/, '')),
    ]), !this.narrow && svg('text', {x: this.width, y: this.top - 14, 'text-anchor': 'end'}, 'p50, p99'));
  }

  step(name, index) {
    const y = this.top + index * this.row + (this.narrow ? 18 : 22);
    const line = this.tiny ? y + 24 : this.narrow ? y + 8 : y - 9;
    const bar = svg('rect', {class: 'span', height: 8, rx: 4, y: line});
    const middle = svg('rect', {class: 'middle', width: 3, height: 12, rx: 1.5, y: line - 2});
    const speed = svg('text', {class: 'number',
      x: this.tiny ? this.text : this.narrow ? this.text + 96 : this.barsFrom - 16,
      y: this.tiny ? y + 16 : y, 'text-anchor': this.narrow ? 'start' : 'end'});
    const times = svg('text', {class: 'number soft', x: this.width - (this.narrow ? 8 : 0), y, 'text-anchor': 'end'});
    const wide = this.barsFrom - this.text > 330;
    const group = svg('g', {class: 'step', 'data-step': name}, svg('title', {}, STEPS[name] ?? name),
      svg('circle', {cx: this.left, cy: y - 4, r: 5}),
      svg('text', {class: 'strong', x: this.text, y}, name),
      wide && svg('text', {class: 'soft', x: this.text + 86, y}, STEPS[name] ?? ''),
      bar, middle, speed, times);
    return {group, bar, middle, speed, times};
  }

  branch(action, index) {
    const y = this.foot + 66 + index * 24;
    const out = this.narrow ? this.text + 84 : this.text + 100;
    const bar = svg('rect', {class: `out of-${action}`, x: out, y: y - 9, height: 10, rx: 2});
    const speed = svg('text', {class: 'number', y});
    const arm = svg('path', {class: 'arm', d: `M${this.left} ${this.foot + 14}V${y - 12}q0 8 8 8H${this.text - 8}`});
    const group = svg('g', {class: 'branch', 'data-action': action}, arm, svg('text', {x: this.text, y}, ACTIONS[action].past), bar, speed);
    return {action, out, bar, speed, group};
  }

  update(figures) {
    const lag = figures.lag_records ?? 0;
    const depth = Math.min(44, lag > 0 ? 6 + 7 * Math.log10(1 + lag) : 3);
    this.pool.setAttribute('y', this.top - 24 - depth);
    this.pool.setAttribute('height', depth);
    this.waiting.textContent = number(figures.lag_records);
    const strength = Math.log10(1 + (figures.payments_per_second ?? 0));
    this.stream.setAttribute('stroke-width', (3 + 2.5 * strength).toFixed(1));
    this.flow.style.setProperty('--beat', `${(2.4 / (0.6 + strength)).toFixed(2)}s`);
    this.flow.classList.toggle('still', !figures.payments_per_second);
    figures.steps.forEach((step, index) => this.updateStep(this.steps[index], step));
    const {commit} = figures;
    this.gate.textContent = `commit  ${rate(commit?.per_second)} /s`;
    this.gateTimes.textContent = commit ? `all of it or nothing; p50 ${millis(commit.p50_ms)}, p99 ${millis(commit.p99_ms)}` : 'no commits yet';
    const rates = figures.by_action_per_second ?? {};
    const most = Math.max(1e-9, ...Object.values(rates));
    for (const {action, out, bar, speed, group} of this.branches) {
      const value = rates[action] ?? 0;
      const length = value > 0 ? Math.max(2, Math.sqrt(value / most) * (Math.min(this.width, 560) - out - 64)) : 0;
      bar.setAttribute('width', length.toFixed(1));
      speed.setAttribute('x', out + length + 8);
      speed.textContent = action in rates ? `${rate(value)} /s` : '–';
      group.classList.toggle('dry', !value);
    }
  }

  updateStep({group, bar, middle, speed, times}, {per_second: perSecond, p50_us: p50, p99_us: p99}) {
    speed.textContent = perSecond === null ? '' : `${rate(perSecond)} /s`;
    const known = Number.isFinite(p50) && Number.isFinite(p99);
    group.classList.toggle('unknown', !known);
    times.textContent = known ? `${micros(p50)}, ${micros(p99)}` : '–';
    if (!known) return;
    bar.setAttribute('x', this.x(p50));
    bar.setAttribute('width', Math.max(3, this.x(p99) - this.x(p50)));
    middle.setAttribute('x', this.x(p50));
  }
}

/// The last three minutes of one number.
function curve(name, history, pick, words) {
  const values = history.map(pick);
  const known = values.filter(Number.isFinite);
  const most = Math.max(1e-9, ...known);
  const x = (index) => 100 * (180 - values.length + index) / 179;
  const y = (value) => 38 - 34 * value / most;
  const points = values.flatMap((value, index) => (Number.isFinite(value) ? [`${x(index).toFixed(2)},${y(value).toFixed(2)}`] : []));
  const now = values.at(-1);
  const highest = words(known.length ? most : null);
  return h('figure', {class: 'curve'},
    h('figcaption', {}, h('span', {}, name), h('b', {class: 'num'}, words(now))),
    svg('svg', {viewBox: '0 0 100 40', preserveAspectRatio: 'none', role: 'img',
      'aria-label': `${name}: now ${words(now)}, at most ${highest} in the last three minutes`},
      svg('line', {class: 'ground', x1: 0, x2: 100, y1: 38, y2: 38, 'vector-effect': 'non-scaling-stroke'}),
      points.length > 1 && svg('polyline', {points: points.join(' '), 'vector-effect': 'non-scaling-stroke'})),
    h('p', {class: 'faint'}, h('span', {}, '3 min'), h('span', {}, `at most ${highest}`)));
}
