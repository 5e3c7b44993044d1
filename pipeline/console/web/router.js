// The address of a view is its hash, so a link can be sent: #/case/28c1..., #/feed?action=decline.

/// {view, id, query}; what is not an address of ours is the feed.
export function parse(hash) {
  const [path, query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const [view = '', ...rest] = path.split('/');
  return {view: view || 'feed', id: rest.length ? decoded(rest.join('/')) : '', query: new URLSearchParams(query)};
}

export function address(view, id = '', query = '') {
  const text = query.toString();
  return `#/${view}${id ? `/${encodeURIComponent(id)}` : ''}${text ? `?${text}` : ''}`;
}

export function go(view, id = '', query = '') {
  location.hash = address(view, id, query);
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;  // a stray per cent sign in a link that somebody cut
  }
}
