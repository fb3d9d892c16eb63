/** Library: every series with its seasons, and how far each is. */

import * as api from '../api.js';
import { fill, h } from '../dom.js';
import { icon } from '../icons.js';
import { emptyBox } from '../notes.js';
import { to } from '../routes.js';
import { t } from '../texts.js';

const STATES = ['found', 'none', 'review', 'unknown', 'failed'];
const SEARCHED = 12; // series from which a field to look for one is worth its place

/** The states of a season that some episode is in, and how many are. */
export const shares = (season) =>
  STATES.map((state) => ({ state, n: season[state] })).filter(({ n }) => n > 0);

/** @param {HTMLElement} place */
export async function show(place) {
  const { series } = await api.series();
  const list = h('div', { class: 'series-list' }, series.map(seriesCard));
  const name = t('library.filter');
  const filter = series.length >= SEARCHED && h('input', { type: 'search', placeholder: name, 'aria-label': name, oninput: () => {
    const wanted = filter.value.trim().toLowerCase();
    series.forEach((one, i) => {
      list.children[i].hidden = !one.title.toLowerCase().includes(wanted);
    });
  } });
  fill(place, h('div', { class: 'page-head' }, h('h1', { tabindex: -1 }, t('library.title')), filter),
    series.length ? list : nothing());
}

function nothing() {
  return emptyBox('library', t('library.emptyTitle'), t('library.emptyText'),
    h('pre', {}, h('code', {}, 'zastavka serve Series/')),
    h('p', { class: 'buttons' }, h('a', { class: 'button primary', href: to('jobs') }, t('library.scan')),
      h('a', { class: 'button', href: to('find') }, t('library.find'))));
}

function seriesCard(one) {
  return h('section', { class: 'card series' }, h('h2', { class: 'name' }, one.title),
    h('ul', { class: 'seasons' }, one.seasons.map(seasonRow)));
}

export function seasonName(number) {
  if (number === null) return t('season.none');
  return number === 0 ? t('season.specials') : t('season.n', { n: number });
}

function seasonRow(season) {
  const parts = shares(season);
  const bar = h('div', { class: 'meter', 'aria-hidden': 'true' }, parts.map(({ state, n }) => {
    const part = h('i', { class: `state-${state}` });
    part.style.flexGrow = n;
    return part;
  }));
  const told = season.locked ? [...parts, { state: 'locked', n: season.locked }] : parts;
  const words = told.map(({ state, n }) => h('span', { class: `tally state-${state}` }, t(`tally.${state}`, { n })));
  return h('li', {}, h('a', { class: 'season-row', href: to('season', season.id) },
    h('span', { class: 'season-name' }, seasonName(season.number)),
    h('span', { class: 'quiet' }, t('season.episodes', { n: season.episodes })),
    bar, h('span', { class: 'tallies' }, words), icon('next')));
}
