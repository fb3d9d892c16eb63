/** One season as a chart, what needs review first. */

import * as api from '../api.js';
import { axisEnd, byDoubt, legend } from '../answer.js';
import { drawChart } from '../chart.js';
import { fill, h } from '../dom.js';
import { icon } from '../icons.js';
import * as jobs from '../jobs.js';
import { emptyBox } from '../notes.js';
import { to } from '../routes.js';
import { t } from '../texts.js';
import { seasonName } from './library.js';

const chosen = { order: 'doubt', axis: 'near' }; // kept while the page is open

/** @param {HTMLElement} place @param {string} id */
export async function show(place, id) {
  let season = await api.season(id);
  const chart = h('div', {});
  const tally = h('p', { class: 'tallies' });
  const draw = () => {
    const episodes = chosen.order === 'doubt' ? byDoubt(season.episodes) : season.episodes;
    const longest = Math.max(1, ...episodes.map((e) => e.duration ?? 0));
    const began = performance.now();
    fill(chart, episodes.length ? drawChart(episodes, chosen.axis === 'near' ? axisEnd(episodes) : longest)
      : emptyBox('library', t('season.emptyTitle'), t('season.emptyText')));
    performance.measure('season-chart', { start: began, end: performance.now() });
    fill(tally, ...counts(season.episodes));
  };
  fill(place,
    h('nav', { class: 'trail', 'aria-label': t('trail') }, h('a', { href: to('library') }, t('library.title'))),
    h('div', { class: 'page-head' },
      h('h1', { tabindex: -1 }, h('span', { class: 'name' }, season.series.title), ' ', h('span', { class: 'quiet' }, seasonName(season.number))),
      h('span', { class: 'buttons' },
        h('a', { class: 'button', href: to('review') }, icon('review'), t('menu.review')),
        h('a', { class: 'button', href: to('exports', id) }, icon('exports'), t('menu.exports')))),
    tally,
    h('div', { class: 'chart-head' },
      choice('order', [['doubt', t('season.byDoubt')], ['number', t('season.byNumber')]], draw),
      choice('axis', [['near', t('season.near')], ['whole', t('season.whole')]], draw),
      legend()),
    chart);
  draw();
  return jobs.watch(async (job) => {
    if (jobs.isOpen(job) || !season.episodes.some((e) => job.episodes.includes(e.id))) return;
    season = await api.season(id);
    draw();
  });
}

function counts(episodes) {
  const states = episodes.map((e) => (e.locked ? 'locked' : e.state));
  return ['review', 'failed', 'unknown', 'found', 'none', 'locked'].map((state) => {
    const n = states.filter((s) => s === state).length;
    return n ? h('span', { class: `tally state-${state}` }, t(`tally.${state}`, { n })) : null;
  }).filter(Boolean);
}

/** A pair of radio buttons that look like one switch. */
function choice(name, options, changed) {
  return h('fieldset', { class: 'switch' }, h('legend', { class: 'unseen' }, t(`season.${name}`)),
    options.map(([value, text]) => h('label', {},
      h('input', { type: 'radio', name, value, checked: chosen[name] === value, onchange: () => {
        chosen[name] = value;
        changed();
      } }), h('span', {}, text))));
}
