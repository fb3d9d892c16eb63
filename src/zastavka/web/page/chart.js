/** A season as a chart: a row for each episode, its segments as bars on one axis. */

import { badge, bar, confidence, intro, length, patterns, range, sentence } from './answer.js';
import { h, svg } from './dom.js';
import { to } from './routes.js';
import { t } from './texts.js';
import { clock } from './time.js';
import { ticks } from './view.js';

const HEIGHT = 24; // px of a row
const LABELS = 6; // most labels of the axis

export const numberOf = (episode) => (episode.number === null ? '–' : String(episode.number));

/** @param {any[]} episodes  in the order they are shown @param {number} end  of the axis, in seconds */
export function drawChart(episodes, end) {
  const { times } = ticks({ from: 0, to: end }, LABELS);
  const place = (time) => `${(100 * time) / end}%`;
  const grid = () => times.map((time) => svg('line', { x1: place(time), x2: place(time), y1: 0, y2: '100%', class: 'grid' }));
  const axis = svg('svg', { class: 'axis-labels', 'aria-hidden': 'true' },
    times.map((time) => svg('text', { x: place(time), y: 14, 'text-anchor': time ? 'middle' : 'start' }, clock(time))));
  return h('div', { class: 'chart' }, patterns(),
    h('table', { class: 'season-chart' },
      h('caption', { class: 'unseen' }, t('chart.caption')),
      h('thead', {}, h('tr', {},
        h('th', { scope: 'col' }, t('chart.number')), h('th', { scope: 'col', class: 'title' }, t('chart.title')),
        h('th', { scope: 'col', class: 'bars' }, h('span', { class: 'unseen' }, t('chart.segments')), axis),
        h('th', { scope: 'col', class: 'when' }, t('chart.when')), h('th', { scope: 'col' }, t('chart.sure')),
        h('th', { scope: 'col' }, t('chart.state')))),
      h('tbody', {}, episodes.map((episode) => row(episode, end, grid)))));
}

function row(episode, end, grid) {
  const href = to('episode', episode.id);
  const found = intro(episode);
  const bars = svg('svg', { class: 'row-bars', height: HEIGHT, 'aria-hidden': 'true' },
    grid(),
    episode.duration < end && svg('rect', { x: `${(100 * episode.duration) / end}%`, width: '100%', y: 0, height: HEIGHT, class: 'beyond' }),
    episode.segments.flatMap((s) => bar(s, episode.locked, end, [5, HEIGHT - 10])));
  const line = h('tr', { class: `state-${episode.state}` },
    h('td', { class: 'number' }, numberOf(episode)),
    h('th', { scope: 'row', class: 'title' }, h('a', { href, title: episode.name }, episode.title || episode.name)),
    h('td', { class: 'bars', title: sentence(episode) }, bars),
    h('td', { class: 'when' }, found ? [range(found, 1), ' ', h('span', { class: 'quiet' }, length(found))] : episode.error ?? ''),
    h('td', { class: 'sure' }, episode.locked ? '' : confidence(episode)),
    h('td', {}, badge(episode)));
  // the whole row is a target for the pointer; keys and readers have the link
  line.addEventListener('click', (event) => {
    if (!event.target.closest('a') && !String(window.getSelection())) location.hash = href;
  });
  return line;
}
