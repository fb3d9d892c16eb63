/** The head of every page: where one can go, what runs, language and colours. */

import * as api from './api.js';
import { fill, h } from './dom.js';
import { icon } from './icons.js';
import * as jobs from './jobs.js';
import { entry, to } from './routes.js';
import { LANGUAGES, language, t } from './texts.js';

const ENTRIES = ['find', 'library', 'review', 'jobs', 'exports'];
const THEMES = ['auto', 'light', 'dark'];

const theme = () => document.documentElement.dataset.theme ?? 'auto';

function setTheme(name) {
  if (name === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  try {
    if (name === 'auto') localStorage.removeItem('zastavka-theme');
    else localStorage.setItem('zastavka-theme', name);
  } catch { /* storage may be forbidden; the choice then holds for this page */ }
  repaint();
}

const repaint = () => window.dispatchEvent(new Event('themechange'));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', repaint);

/** @param {{version: string, changed: (language?: string) => void, canSignOut: boolean}} options */
export function makeMenu({ version, changed, canSignOut }) {
  const counts = Object.fromEntries(ENTRIES.map((name) => [name, h('span', { class: 'count', hidden: true })]));
  const links = ENTRIES.map((name) =>
    h('a', { href: to(name), 'data-page': name }, icon(name), h('span', {}, t(`menu.${name}`)), counts[name]));
  const running = () => setCount(counts.jobs, jobs.all().filter(jobs.isOpen).length, 'menu.running');
  const left = (event) => setCount(counts.review, event.detail, 'menu.left');
  const end = jobs.watch(running);
  running();
  window.addEventListener('reviewleft', left);
  api.review(1).then(({ left }) => setCount(counts.review, left, 'menu.left'), () => null);

  const themes = h('button', { type: 'button', class: 'round' });
  const showTheme = () => {
    fill(themes, icon(theme()));
    themes.setAttribute('aria-label', t(`theme.${theme()}`));
    themes.title = t(`theme.${theme()}`);
  };
  themes.addEventListener('click', () => {
    setTheme(THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length]);
    showTheme();
  });
  showTheme();
  const languages = h('select', { 'aria-label': t('menu.language'), onchange: () => changed(languages.value) },
    Object.entries(LANGUAGES).map(([code, name]) => h('option', { value: code, selected: code === language(), lang: code }, name)));
  const out = canSignOut && h('button', { type: 'button', class: 'small', onclick: async () => {
    await api.call('DELETE', '/session');
    changed();
  } }, t('menu.signOut'));
  return {
    node: h('header', { class: 'top' },
      h('a', { class: 'brand', href: to('find'), title: `zastavka ${version}` }, h('span', { class: 'mark', 'aria-hidden': 'true' }), 'zastavka'),
      h('nav', { 'aria-label': t('menu.name') }, links),
      h('div', { class: 'settings' }, languages, themes, out)),
    destroy() {
      end();
      window.removeEventListener('reviewleft', left);
    },
    here(page) {
      for (const link of links) {
        if (link.dataset.page === entry(page)) link.setAttribute('aria-current', 'page');
        else link.removeAttribute('aria-current');
      }
    },
  };
}

function setCount(node, n, text) {
  node.hidden = !n;
  node.textContent = n > 999 ? '999+' : String(n);
  node.setAttribute('aria-label', t(text, { n }));
  node.setAttribute('role', 'img');
}
