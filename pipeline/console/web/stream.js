// Server-sent events over fetch. The browser's own EventSource gives up on a 503 and hides why; here a full server, a
// lost one and a silent one are told apart, and each attempt says where the last one ended.

/// Takes text in any slices, gives whole events.
export class EventParser {
  constructor() {
    this.rest = '';
    this.event = '';
    this.data = [];
    this.id = null;
  }

  push(text) {
    const lines = (this.rest + text).split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop();
    const events = [];
    for (const line of lines) {
      if (line === '') {
        if (this.data.length) events.push({event: this.event || 'message', data: this.data.join('\n'), id: this.id});
        this.event = '';
        this.data = [];
        continue;
      }
      const [, field, value] = /^([^:]*)(?:: ?(.*))?$/s.exec(line);
      if (field === 'event') this.event = value ?? '';
      else if (field === 'data') this.data.push(value ?? '');
      else if (field === 'id' && !value?.includes('\0')) this.id = value ?? '';
    }
    return events;
  }
}

/// Milliseconds before attempt 1, 2, ...: doubling from half a second to half a minute, half of it drawn by chance so that
/// fifty pages do not come back in one moment; never sooner than the server asked.
export function backOff(attempt, random = Math.random, retryAfterS = 0) {
  const most = Math.min(30_000, 500 * 2 ** (attempt - 1));
  return Math.max(retryAfterS * 1000, most / 2 + random() * most / 2);
}

const SILENCE_MS = 25_000;  // the server says something every 10 s

/// Stays connected until close(). `on.event({event, data, id})`; `on.state({phase, why, retryAt})` with phase connecting,
/// open, lost or full; retryAt in ms of the clock.
export class Stream {
  constructor(url, on, lastId = null) {
    this.url = url;
    this.on = on;
    this.lastId = lastId;
    this.attempt = 0;
    this.connect();
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    clearTimeout(this.watch);
    this.abort?.abort();
  }

  /// Now, not when the back-off ends.
  retry() {
    if (this.closed || !this.timer) return;
    clearTimeout(this.timer);
    this.connect();
  }

  async connect() {
    this.timer = null;
    this.abort = new AbortController();
    this.on.state({phase: 'connecting'});
    let failure;
    try {
      failure = await this.read(this.abort);
    } catch {
      const silent = this.abort.signal.aborted;
      failure = {phase: 'lost', why: silent ? `the server said nothing for ${SILENCE_MS / 1000} s` : 'the server cannot be reached'};
    }
    clearTimeout(this.watch);
    if (this.closed) return;
    this.attempt += 1;
    const wait = backOff(this.attempt, Math.random, failure.retryAfterS);
    this.on.state({...failure, retryAt: Date.now() + wait});
    this.timer = setTimeout(() => this.connect(), wait);
  }

  /// Returns how it ended.
  async read(abort) {
    const headers = {Accept: 'text/event-stream'};
    if (this.lastId !== null) headers['Last-Event-ID'] = this.lastId;
    this.listen(abort);
    const answer = await fetch(this.url, {headers, cache: 'no-store', signal: abort.signal});
    if (!answer.ok) {
      const retryAfterS = Number(answer.headers.get('Retry-After')) || 0;
      const body = await answer.json().catch(() => null);
      return {phase: answer.status === 503 ? 'full' : 'lost', why: body?.error ?? `the server answered ${answer.status}`, retryAfterS};
    }
    this.on.state({phase: 'open'});
    const parser = new EventParser();
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const {done, value} = await reader.read();
      if (done) return {phase: 'lost', why: 'the server ended the feed'};
      this.attempt = 0;
      this.listen(abort);
      for (const event of parser.push(value)) {
        if (event.id !== null) this.lastId = event.id;
        this.on.event(event);
      }
    }
  }

  listen(abort) {
    clearTimeout(this.watch);
    this.watch = setTimeout(() => abort.abort(), SILENCE_MS);
  }
}
