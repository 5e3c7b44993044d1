// Requests to the server, and what goes wrong with them, in one shape.

/// `status` 0: nobody answered. `next`: what to do, in the server's words or ours. `disposition`: of a conflict, who decided what.
export class Refusal extends Error {
  constructor(status, message, next, disposition = null) {
    super(message);
    this.status = status;
    this.next = next;
    this.disposition = disposition;
  }
}

const PATIENCE_MS = 15_000;

export function session() { return get('/api/session'); }

export function verdicts(text, limit = 100) {
  return get(`/api/verdicts?${new URLSearchParams({q: text, limit})}`);
}

export function queue(limit = 100) { return get(`/api/queue?limit=${limit}`); }

export function caseOf(verdictId, signal) { return get(`/api/case/${encodeURIComponent(verdictId)}`, signal); }

export function dispose(body) {
  return request('/api/dispositions', {
    method: 'POST',
    headers: {'Content-Type': 'application/json', 'X-Weir-Console': '1'},
    body: JSON.stringify(body),
  });
}

function get(path, signal) { return request(path, {headers: {Accept: 'application/json'}, signal}); }

async function request(path, options) {
  const deadline = AbortSignal.timeout(PATIENCE_MS);
  let answer;
  try {
    answer = await fetch(path, {...options, cache: 'no-store', signal: options.signal ? AbortSignal.any([options.signal, deadline]) : deadline});
  } catch (error) {
    if (options.signal?.aborted) throw error;
    const what = deadline.aborted ? `The server did not answer within ${PATIENCE_MS / 1000} s` : 'The server cannot be reached';
    throw new Refusal(0, what, 'Is `weir run` up, and the network there? Then try again.');
  }
  const body = await answer.json().catch(() => null);
  if (answer.ok && body !== null) return body;
  const what = body?.error ?? `The server answered ${answer.status}`;
  throw new Refusal(answer.status, what, body?.next ?? 'Try again; its log says more.', body?.disposition ?? null);
}
