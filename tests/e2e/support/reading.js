// Run inside a page by the tests: what a person with poor sight or without a mouse would trip over. Returns complaints.
() => {
  const complaints = [];
  const visible = (element) => element.checkVisibility({opacityProperty: true, visibilityProperty: true}) && !element.closest('.hidden') && element.getClientRects().length > 0;
  const numbers = (text) => text.match(/[\d.]+/g).map(Number);
  const light = ([red, green, blue]) => {
    const [r, g, b] = [red, green, blue].map((value) => value / 255).map((value) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const [r, g, b, alpha = 1] = numbers(getComputedStyle(at).backgroundColor);
      if (alpha === 1) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !visible(element) || element.closest(':disabled, title, option')) continue;
    const style = getComputedStyle(element);
    const [one, two] = [light(numbers(element instanceof SVGElement ? style.fill : style.color)), light(ground(element))];
    const contrast = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
    if (contrast < 4.5) complaints.push(`contrast ${contrast.toFixed(2)}: ${texts.currentNode.data.trim().slice(0, 40)} (${element.className || element.tagName})`);
  }
  for (const element of document.querySelectorAll('button, a, input, textarea, [role=img], table, nav, section')) {
    if (!visible(element)) continue;
    const label = element.labels?.[0]?.textContent ?? '';
    const by = element.getAttribute('aria-labelledby')?.split(' ').map((id) => document.getElementById(id)?.textContent ?? '').join(' ') ?? '';
    const own = element.matches('button, a') ? element.textContent : '';
    if (!(element.getAttribute('aria-label') || by || label || own).trim()) complaints.push(`no name: ${element.outerHTML.slice(0, 80)}`);
  }
  const ids = [...document.querySelectorAll('[id]')].map(({id}) => id);
  for (const id of new Set(ids.filter((id, index) => ids.indexOf(id) !== index))) complaints.push(`id twice: ${id}`);
  if (document.querySelectorAll('main h1').length !== 1) complaints.push(`${document.querySelectorAll('main h1').length} headings of the first level`);
  return complaints;
}
