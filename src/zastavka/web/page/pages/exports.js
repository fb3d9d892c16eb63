/** Exports: a season in a form that players read, to take along or to write beside the videos. */

import * as api from '../api.js';
import { fill, h } from '../dom.js';
import { icon } from '../icons.js';
import { emptyBox, fail } from '../notes.js';
import { to } from '../routes.js';
import { t } from '../texts.js';
import { seasonName } from './library.js';

/** @param {HTMLElement} place @param {string | null} id  the season that is chosen at first */
export async function show(place, id) {
  const [{ series }, { formats }] = await Promise.all([api.series(), api.formats()]);
  const seasons = series.flatMap((one) => one.seasons.map((season) => ({ ...season, title: one.title })));
  fill(place, h('h1', { tabindex: -1 }, t('exports.title')), h('p', { class: 'lead' }, t('exports.lead')));
  if (!seasons.length) {
    place.append(emptyBox('exports', t('exports.emptyTitle'), t('exports.emptyText'),
      h('a', { class: 'button primary', href: to('find') }, t('menu.find'))));
    return;
  }
  const pick = h('select', { id: 'season', onchange: () => draw() }, seasons.map((s) =>
    h('option', { value: s.id, selected: s.id === id }, `${s.title} · ${seasonName(s.number)}`)));
  const rows = h('ul', { class: 'formats' });
  const boxes = () => [...rows.querySelectorAll('input:checked')].map((box) => box.value);
  const result = h('div', { role: 'status' });
  const write = h('button', { type: 'button', class: 'primary', disabled: true, onclick: () => run() },
    icon('exports'), t('exports.write'));
  const draw = () => {
    fill(rows, ...formats.map((format) => formatRow(format, pick.value, () => {
      write.disabled = !boxes().length;
    })));
    write.disabled = true;
    fill(result);
  };
  const run = async () => {
    write.disabled = true;
    try {
      const { written, removed, failures } = await api.writeBeside(pick.value, boxes());
      const lines = failures.map((line) => h('li', {}, line));
      fill(result,
        h('p', {}, t('exports.written', { n: written }), ' ', removed ? t('exports.removed', { n: removed }) : ''),
        lines.length > 0 && h('div', { class: 'problem' }, icon('warning'), h('ul', {}, lines)));
    } catch (problem) {
      fail(problem);
    }
    write.disabled = !boxes().length;
  };
  place.append(h('div', { class: 'field' }, h('label', { for: 'season' }, t('exports.season')), pick),
    h('section', { class: 'card' }, rows,
      h('div', { class: 'buttons' }, write, h('span', { class: 'quiet' }, t('exports.writeText'))), result));
  draw();
}

function formatRow({ name, description }, season, changed) {
  const box = h('input', { type: 'checkbox', value: name, id: `format-${name}`, onchange: changed });
  const link = { href: api.exported('seasons', season, name), download: true, 'aria-label': t('exports.downloadAs', { name }) };
  return h('li', {}, box,
    h('label', { for: box.id }, h('strong', {}, name), h('span', { class: 'quiet' }, description)),
    h('a', { class: 'button small', ...link }, icon('exports'), t('exports.download')));
}
