/** Keys: which there are, what they do on this page, and the sheet that `?` shows. */

import { h } from './dom.js';
import { t } from './texts.js';

/** By action: the keys, and where they lie on a keyboard whose letters are others. */
const KEYS = {
  play: [[' ', 'Space'], ['k', 'KeyK']],
  back: [['j', 'KeyJ']],
  forward: [['l', 'KeyL']],
  secondBack: [['ArrowLeft', 'ArrowLeft']],
  secondForward: [['ArrowRight', 'ArrowRight']],
  frameBack: [[',', 'Comma']],
  frameForward: [['.', 'Period']],
  setStart: [['[', 'BracketLeft']],
  setEnd: [[']', 'BracketRight']],
  hearStart: [['1', 'Digit1']],
  hearEnd: [['2', 'Digit2']],
  zoomIn: [['+', 'NumpadAdd'], ['=', 'Equal']],
  zoomOut: [['-', 'Minus']],
  fit: [['0', 'Digit0']],
  nextSegment: [['e', 'KeyE']],
  add: [['i', 'KeyI']],
  remove: [['Delete', 'Delete']],
  accept: [['a', 'KeyA']],
  correct: [['c', 'KeyC']],
  none: [['n', 'KeyN']],
  skip: [['s', 'KeyS']],
  undo: [['u', 'KeyU']],
  help: [['?', '']],
};

/** Which action a key means. Letters of another alphabet count by where they lie. */
export function action(key, code) {
  const latin = key.length > 1 || key.charCodeAt(0) < 128;
  const found = Object.entries(KEYS).find(([, keys]) =>
    keys.some(([name, place]) => (latin ? name === key.toLowerCase() || name === key : place === code)));
  return found?.[0] ?? null;
}

const TYPED = 'input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]';

/** @param {Record<string, () => void>} actions  what this page can do. @returns ends it */
export function bind(actions) {
  const listen = (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches?.(TYPED) || document.querySelector('dialog[open]')) return;
    const pressed = event.key === ' ' || event.key === 'Enter';
    if (pressed && event.target.closest?.('button, a, summary, input')) return;
    const name = action(event.key, event.code);
    if (name === 'help') showKeys(Object.keys(actions));
    else if (!name || !actions[name]) return;
    else actions[name]();
    event.preventDefault();
  };
  document.addEventListener('keydown', listen);
  return () => document.removeEventListener('keydown', listen);
}

const NAMES = { ' ': 'key.space', ArrowLeft: '←', ArrowRight: '→', Delete: 'Del' };
const keyName = (key) => (NAMES[key]?.startsWith('key.') ? t(NAMES[key]) : (NAMES[key] ?? key.toUpperCase()));
export const hint = (name) => h('kbd', { 'aria-hidden': 'true' }, keyName(KEYS[name][0][0]));

/** The sheet of keys, as a dialog that Escape closes. */
export function showKeys(names) {
  const row = (keys, text) => h('tr', {}, h('th', { scope: 'row' }, keys.map((k) => h('kbd', {}, k))), h('td', {}, text));
  const rows = Object.keys(KEYS).filter((name) => names.includes(name) || name === 'help');
  const editing = names.includes('setStart');
  const dialog = h('dialog', { class: 'sheet', 'aria-labelledby': 'keys-title' },
    h('h2', { id: 'keys-title' }, t('keys.title')),
    h('table', {}, h('tbody', {},
      rows.map((name) => row(KEYS[name].map(([key]) => keyName(key)), t(`keys.${name}`))),
      editing && row(['Tab', '←', '→'], t('keys.edges')), editing && row(['⇧', '←', '→'], t('keys.edgesFar')))),
    h('form', { method: 'dialog' }, h('button', { class: 'primary' }, t('close'))));
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
