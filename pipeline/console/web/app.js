// The console's beginning: who looks, which view the address names, and what holds for all views.

import * as api from './api.js';
import {showCase} from './cases.js';
import {Decisions, drawTray} from './decisions.js';
import {h, hidden, replace} from './dom.js';
import {FeedModel, showFeed} from './feed.js';
import {fromQuery, toQuery} from './filters.js';
import {Keys} from './keys.js';
import {Live} from './live.js';
import {showPath} from './path.js';
import {showQueue} from './queue.js';
import {address, go, parse} from './router.js';
import {showSearch} from './search.js';

const VIEWS = {feed: showFeed, queue: showQueue, case: showCase, path: showPath, search: showSearch};
const TABS = [['feed', 'Feed', '1'], ['queue', 'Queue', '2'], ['path', 'Path', '3']];
const SESSION_AGAIN_MS = 3000;

const $ = (id) => document.getElementById(id);

async function start() {
  const main = $('main');
  replace(main, h('p', {class: 'empty'}, 'Asking the server who is here…'));
  const session = await sessionOf(main);
  const live = new Live();
  const context = {
    session, live,
    feed: new FeedModel(live),
    decisions: new Decisions(session),
    keys: new Keys($('sheet')),
    searchBox: $('search-text'),
    announce: announcer(),
    caseOf: (id) => api.caseOf(id),
    started: false,
  };
  live.addEventListener('disposition', ({detail}) => context.decisions.saw(detail));
  live.addEventListener('state', ({detail}) => drawLink(detail, live));
  setInterval(() => drawLink(live.state, live), 1000);
  drawWho(session);
  const change = (entry) => go(location.hash.startsWith('#/queue') ? 'queue' : 'case', entry.summary.verdict_id);
  drawTray($('tray'), context.decisions, change);
  bindGlobal(context, change);
  $('skip').addEventListener('click', (event) => {  // a hash of its own would be an address
    event.preventDefault();
    main.focus();
  });
  route(main, context);
}

/// Until the server answers: without it there is nothing to show.
async function sessionOf(main) {
  for (;;) {
    try {
      return await api.session();
    } catch (refusal) {
      replace(main, h('div', {class: 'notice', role: 'alert'},
        h('h1', {}, 'No answer from the server'), h('p', {}, `${refusal.message}.`), h('p', {}, refusal.next), h('p', {class: 'faint'}, 'This page goes on trying.')));
      await new Promise((resolve) => setTimeout(resolve, SESSION_AGAIN_MS));
    }
  }
}

function route(main, context) {
  let shown = null;
  let name = '';
  const draw = () => {
    const next = parse(location.hash);
    if (!(next.view in VIEWS)) {
      location.replace(address('feed'));
      return;
    }
    if (shown?.reroute && next.view === name) {
      shown.reroute(next);
    } else {
      shown?.close();
      // The feed runs whatever the view: figures and others' decisions come with it.
      if (next.view !== 'feed' && !context.started) {
        context.started = true;
        context.live.start(fromQuery(new URLSearchParams()));
      }
      const first = name === '';
      name = next.view;
      context.bindView = (bindings) => context.keys.bind('Here', bindings);
      shown = VIEWS[name](main, context, next);
      context.bindView(shown.keys);
      if (!first) main.querySelector('h1')?.focus({preventScroll: true});
      scrollTo(0, 0);
    }
    document.title = `${shown.title} · Weir`;
    drawTabs(name, context.live.filters);
  };
  addEventListener('hashchange', draw);
  draw();
}

/// The feed's tab leads back to the feed as it was filtered.
function drawTabs(current, filters) {
  replace($('views'), TABS.map(([view, word, key]) => h('a', {
    href: address(view, '', view === 'feed' ? toQuery(filters) : ''), 'aria-current': view === current ? 'page' : null, 'aria-keyshortcuts': key,
  }, word)));
}

function drawWho({analyst, can_decide: can, why_not: why, instance, version, demo}) {
  replace($('who'), demo && h('span', {class: 'mark', title: 'Demonstration: simulated payments'}, 'demo'),
    analyst ? h('span', {class: 'analyst', title: `You; instance ${instance}, Weir ${version}`}, analyst) : null,
    !can && h('span', {class: 'mark warn', title: why}, 'read only'));
}

function drawLink({phase, why, retryAt}, live) {
  const words = {connecting: 'Connecting', open: 'Live', asleep: 'Asleep', lost: 'Feed lost', full: 'Feed full'};
  const link = $('link');
  const seconds = retryAt ? Math.max(0, Math.ceil((retryAt - Date.now()) / 1000)) : null;
  if (link.dataset.phase !== phase || link.title !== (why ?? '')) {
    link.dataset.phase = phase;
    link.title = why ?? '';
    const bad = phase === 'lost' || phase === 'full';
    replace(link, h('span', {class: 'dot', 'aria-hidden': 'true'}), words[phase], why && hidden(`: ${why}`),
      bad && [h('span', {class: 'countdown', 'aria-hidden': 'true'}), h('button', {type: 'button', on: {click: () => live.retry()}}, 'Now')]);
  }
  // Not read aloud each second.
  const countdown = link.querySelector('.countdown');
  if (countdown) countdown.textContent = seconds === null ? 'trying' : `${seconds} s`;
}

/// Says something for a few seconds; `quiet`: only to those who listen, because the others see it anyway.
function announcer() {
  const place = h('p', {class: 'toast', role: 'status'});
  document.body.append(place);
  let timer;
  return (text, {quiet = false} = {}) => {
    clearTimeout(timer);
    place.classList.toggle('hidden', quiet);
    place.textContent = text;
    timer = setTimeout(() => { place.textContent = ''; }, 4000);
  };
}

function bindGlobal({keys, live, decisions, searchBox, session, announce}, change) {
  $('search').addEventListener('submit', (event) => {
    event.preventDefault();
    const text = searchBox.value.trim();
    if (text) go('search', '', new URLSearchParams({q: text}));
    searchBox.blur();
  });
  $('help').addEventListener('click', () => keys.showSheet());
  const again = () => (decisions.last ? change(decisions.last) : announce('Nothing has been decided from this page yet.'));
  keys.bind('Everywhere', [
    ...TABS.map(([view, word, key]) => ({keys: [key], word, run: () => go(view, '', view === 'feed' ? toQuery(live.filters) : '')})),
    {keys: ['/'], word: 'Search', run: () => { searchBox.focus(); searchBox.select(); }},
    ...(session.can_decide ? [{keys: ['u'], word: 'Change the last decision', run: again}] : []),
    {keys: ['t'], word: 'Colours: system, light, dark', run: () => $('theme').click()},
    {keys: ['?'], word: 'This sheet', run: () => keys.showSheet()},
  ]);
}

start();
