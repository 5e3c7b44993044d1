// Elements without markup: what comes from outside (ids, notes, reasons) becomes text and attributes, never HTML.

const SVG = 'http://www.w3.org/2000/svg';

/// An HTML element. Attributes: `class`, `data`: {name: value}, `vars`: {'--x': '4%'} (through the CSSOM, which a strict
/// content policy allows), `on`: {event: listener}; true sets an empty attribute; null, undefined and false leave it out.
/// Children: nodes, text, numbers, lists of them; null, undefined and false are skipped.
export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/// The same for SVG.
export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

export function replace(parent, ...children) {
  parent.replaceChildren(...nodes(children));
  return parent;
}

/// Seen by screen readers only.
export function hidden(text) {
  return h('span', {class: 'hidden'}, text);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === 'on') for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (name === 'data') for (const [key, text] of Object.entries(value)) element.dataset[key] = text;
    else if (name === 'vars') for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...nodes(children));
  return element;
}

function nodes(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}
