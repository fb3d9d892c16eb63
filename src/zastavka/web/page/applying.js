/** One correction for the whole season: how far edges move, and in which episodes. */

import * as api from './api.js';
import { badge, intro, range } from './answer.js';
import { fill, h } from './dom.js';
import { numberOf } from './chart.js';
import { problemBox } from './notes.js';
import { t } from './texts.js';

/** Episodes that it makes sense for: others than this one that have an intro. */
const candidates = (season, id) => season.episodes.filter((e) => e.id !== id && intro(e));

/** A number of seconds that somebody typed, with a sign; null if it is none. */
export function parseShift(text) {
  const clean = text.trim().replace(',', '.').replace('−', '-');
  return /^[+-]?\d+(\.\d*)?$/.test(clean) ? Number(clean) : null;
}

/**
 * @param {any} season @param {any} episode @param {{start: number, end: number}} by  seconds
 * @returns {Promise<number>} how many were changed
 */
export function askApply(season, episode, by) {
  const others = candidates(season, episode.id);
  const fields = Object.fromEntries(['start', 'end'].map((edge) =>
    [edge, h('input', {
      class: 'time', id: `shift-${edge}`, value: String(by[edge]), inputmode: 'text', autocomplete: 'off',
      oninput: () => preview(),
    })]));
  const rows = others.map((one) => {
    const box = h('input', { type: 'checkbox', checked: !one.locked, onchange: () => preview() });
    const after = h('span', { class: 'quiet' });
    const name = h('span', { class: 'name' }, one.title || one.name);
    const label = h('label', {}, box, h('span', { class: 'number' }, numberOf(one)), name, badge(one), after);
    return { one, box, after, node: h('li', {}, label) };
  });
  const result = h('div', { role: 'status' });
  const go = h('button', { type: 'button', class: 'primary', onclick: () => run() });
  const shifts = () => ({ start: parseShift(fields.start.value), end: parseShift(fields.end.value) });
  const picked = () => rows.filter(({ box }) => box.checked);
  const preview = () => {
    const { start, end } = shifts();
    for (const edge of ['start', 'end']) fields[edge].setAttribute('aria-invalid', String(shifts()[edge] === null));
    for (const { one, after } of rows) {
      const s = intro(one);
      const moved = { start: Math.max(0, s.start + (start ?? 0)), end: Math.max(0, s.end + (end ?? 0)) };
      after.textContent = `${range(s, 1)} → ${range(moved, 1)}`;
    }
    go.textContent = t('apply.go', { n: picked().length });
    go.disabled = start === null || end === null || (!start && !end) || !picked().length;
  };
  let changed = 0;
  const run = async () => {
    go.disabled = true;
    const { start, end } = shifts();
    try {
      const answer = await api.apply(season.id, {
        start_shift: start, end_shift: end, episodes: picked().map(({ one }) => ({ id: one.id, version: one.version })),
      });
      changed = answer.done.length;
      if (!answer.conflicts.length) return dialog.close();
      const name = (id) => others.find((e) => e.id === id)?.name ?? id;
      fill(result, h('p', {}, t('apply.done', { n: changed })),
        h('p', {}, t('apply.conflicts', { n: answer.conflicts.length })),
        h('ul', {}, answer.conflicts.map(({ id, detail }) => h('li', {}, `${name(id)}: ${detail}`))));
    } catch (problem) {
      fill(result, problemBox(problem));
      go.disabled = false;
    }
    return undefined;
  };
  const dialog = h('dialog', { class: 'apply', 'aria-labelledby': 'apply-title' },
    h('h2', { id: 'apply-title' }, t('apply.title')), h('p', {}, t(others.length ? 'apply.text' : 'apply.nobody')),
    h('div', { class: 'buttons' }, ['start', 'end'].map((edge) =>
      h('label', { for: `shift-${edge}` }, t(`apply.${edge}`), ' ', fields[edge]))),
    h('ul', { class: 'picks' }, rows.map(({ node }) => node)), result,
    h('form', { method: 'dialog', class: 'buttons' }, h('button', {}, t('close')), go));
  preview();
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(changed);
    });
  });
}
