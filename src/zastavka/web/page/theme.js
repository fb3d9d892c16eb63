// Run before the first paint, so that a dark page does not flash white.
(() => {
  let theme = null;
  try { theme = localStorage.getItem('zastavka-theme'); } catch { /* storage may be forbidden */ }
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
})();
