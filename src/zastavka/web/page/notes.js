/** What the page tells: a line that comes and goes, and errors with what helps. */

import { fill, h } from './dom.js';
import { icon } from './icons.js';
import { t } from './texts.js';

const SHOWN = 6000; // ms
const place = h('div', { class: 'notes', role: 'status', 'aria-live': 'polite' });
let timer = 0;

export const notesPlace = () => place;

/** @param {string} text @param {{label: string, act: () => void}} [offer]  a button beside it */
export function note(text, offer, kind = 'good') {
  clearTimeout(timer);
  const clear = () => fill(place);
  const button = offer && h('button', { type: 'button', class: 'small', onclick: () => {
    clear();
    offer.act();
  } }, offer.label);
  fill(place, h('div', { class: `note ${kind}` }, icon(kind === 'bad' ? 'warning' : 'check'), h('span', {}, text), button,
    h('button', { type: 'button', class: 'small plain', 'aria-label': t('close'), onclick: clear }, icon('close'))));
  if (kind !== 'bad') timer = setTimeout(clear, SHOWN);
}

/** @param {any} problem */
export function fail(problem) {
  if (problem?.name === 'AbortError') return;
  note([problem.message, problem.hint].filter(Boolean).join(' '), undefined, 'bad');
}

/** An error where something should have been, with a way to try again. */
export const problemBox = (problem, again) =>
  h('div', { class: 'problem', role: 'alert' }, icon('warning'),
    h('div', {}, h('p', {}, problem.message), problem.hint && h('p', { class: 'quiet' }, problem.hint),
      again && h('button', { type: 'button', onclick: again }, t('again'))));

/** What to do where there is nothing yet. @param {string} sign */
export const emptyBox = (sign, title, text, ...more) =>
  h('div', { class: 'empty-state' }, icon(sign), h('h2', {}, title), h('p', {}, text), ...more);
