// The one feed of this page: connection, figures of the last minutes, and news for whoever listens.

import {toQuery} from './filters.js';
import {Stream} from './stream.js';

const HISTORY_MAX = 180;          // figures kept for the small curves: three minutes
const HIDDEN_PATIENCE_MS = 10_000;  // a page that nobody looks at gives its place back; it goes on where it ended

/// Events: `state` {phase, why, retryAt}, `verdicts` {verdicts, skipped}, `figures`, `disposition`; each in `detail`.
/// Phases: connecting, open, lost, full, asleep.
export class Live extends EventTarget {
  constructor() {
    super();
    this.filters = {};
    this.state = {phase: 'connecting'};
    this.figures = null;
    this.history = [];
    document.addEventListener('visibilitychange', () => this.visibility());
    addEventListener('online', () => this.retry());
  }

  /// Other filters are another feed: it starts anew.
  start(filters) {
    this.filters = filters;
    this.open(null);
  }

  retry() { this.stream?.retry(); }

  open(lastId) {
    this.stream?.close();
    const query = toQuery(this.filters).toString();
    this.stream = new Stream(`/api/feed${query ? `?${query}` : ''}`, {
      event: (event) => this.take(event),
      state: (state) => this.become(state),
    }, lastId);
  }

  take({event, data}) {
    if (!['verdicts', 'figures', 'disposition'].includes(event)) return;  // a newer server may say more
    const detail = JSON.parse(data);
    if (event === 'figures') {
      this.figures = detail;
      this.history.push(detail);
      if (this.history.length > HISTORY_MAX) this.history.shift();
    }
    this.dispatchEvent(new CustomEvent(event, {detail}));
  }

  become(state) {
    // While attempts fail, "connecting" for a blink between them says nothing new.
    const retrying = state.phase === 'connecting' && (this.state.phase === 'lost' || this.state.phase === 'full');
    this.state = retrying ? {...this.state, retryAt: null} : state;
    this.dispatchEvent(new CustomEvent('state', {detail: this.state}));
  }

  visibility() {
    clearTimeout(this.sleep);
    if (document.hidden) {
      this.sleep = setTimeout(() => {
        this.lastId = this.stream?.lastId ?? null;
        this.stream?.close();
        this.become({phase: 'asleep'});
      }, HIDDEN_PATIENCE_MS);
    } else if (this.state.phase === 'asleep') {
      this.open(this.lastId);
    }
  }
}
