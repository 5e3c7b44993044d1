// Light, dark, or as the system says. A classic script in the head, so that no page flashes in the wrong colours.
(() => {
  const kept = 'weir.theme';
  const order = ['system', 'light', 'dark'];
  const marks = {system: '\u25D0', light: '\u2600', dark: '\u263E'};

  function read() {
    try {
      const value = localStorage.getItem(kept);
      return order.includes(value) ? value : 'system';
    } catch {
      return 'system';  // storage is forbidden: works, is not remembered
    }
  }

  function apply(theme) {
    if (theme === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    const button = document.getElementById('theme');
    if (!button) return;
    button.textContent = marks[theme];
    button.setAttribute('aria-label', `Colours: ${theme}`);
    button.title = `Colours: ${theme} (t)`;
  }

  let theme = read();
  apply(theme);
  document.addEventListener('DOMContentLoaded', () => {
    apply(theme);
    document.getElementById('theme').addEventListener('click', () => {
      theme = order[(order.indexOf(theme) + 1) % order.length];
      try {
        localStorage.setItem(kept, theme);
      } catch { /* see read() */ }
      apply(theme);
    });
  });
})();
