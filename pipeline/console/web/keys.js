// One place for the keyboard: who binds which key, and the sheet that tells.

import {h, replace} from './dom.js';

const NAMES = {ArrowDown: '↓', ArrowUp: '↑', Escape: 'Esc', Enter: 'Enter'};

/// Bindings are [{keys: ['j', 'ArrowDown'], word: 'Next', run}]. A repeated key (held down) runs only what says `repeats`.
export class Keys {
  constructor(sheet) {
    this.sheet = sheet;
    this.scopes = new Map();
    document.addEventListener('keydown', (event) => this.pressed(event));
    sheet.addEventListener('click', (event) => { if (event.target === sheet) sheet.close(); });
  }

  /// Replaces what this scope bound before. Later scopes win.
  bind(scope, bindings) {
    this.scopes.delete(scope);
    if (bindings.length) this.scopes.set(scope, bindings);
  }

  pressed(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || this.sheet.open) return;
    const target = event.target;
    if (target.matches('input:not([type=checkbox]), textarea, select')) {
      if (event.key === 'Escape') target.blur();
      return;
    }
    // Enter and Space belong to the button or link that has the focus.
    if ((event.key === 'Enter' || event.key === ' ') && target.matches('button, a, summary, input')) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    for (const bindings of [...this.scopes.values()].reverse()) {
      const found = bindings.find(({keys}) => keys.includes(key));
      if (!found) continue;
      event.preventDefault();
      if (!event.repeat || found.repeats) found.run();
      return;
    }
  }

  showSheet() {
    const groups = [...this.scopes].reverse().map(([name, bindings]) => h('section', {},
      h('h3', {}, name),
      h('dl', {class: 'keys'}, bindings.map(({keys, word}) => [
        h('dt', {}, keys.map((key) => h('kbd', {}, NAMES[key] ?? key))), h('dd', {}, word)]))));
    const close = h('button', {type: 'button', on: {click: () => this.sheet.close()}}, 'Close', h('kbd', {'aria-hidden': 'true'}, 'Esc'));
    replace(this.sheet, h('h2', {id: 'sheet-title'}, 'Keyboard'), h('div', {class: 'groups'}, groups), h('p', {class: 'acts'}, close));
    this.sheet.showModal();
  }
}
