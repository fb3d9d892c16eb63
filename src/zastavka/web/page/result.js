/** The answer for one episode, with a player that starts a little before each edge. */

import * as api from './api.js';
import { badge, bar, confidence, intro, length, range, sentence } from './answer.js';
import { fill, h, svg } from './dom.js';
import { icon } from './icons.js';
import { to } from './routes.js';
import { t } from './texts.js';
import { makeWatching } from './watching.js';

/** @param {string} id @param {boolean} open  whether its player is there at once */
export function makeResult(id, open) {
  const node = h('article', { class: 'result' }, h('p', { class: 'quiet' }, t('loading')));
  let player = null;
  api.episode(id).then((episode) => {
    const screen = h('div', { class: 'result-player' });
    const start = () => {
      if (player) return;
      player = makeWatching(episode);
      fill(screen, player.place);
      const first = episode.segments.find((s) => s.type === 'intro');
      if (first) player.seek(first.start);
    };
    const hear = (time) => () => {
      start();
      player.hear(time);
    };
    const intros = episode.segments.filter((s) => s.type === 'intro');
    fill(node,
      h('div', { class: 'result-head' }, h('h2', { class: 'name' }, episode.name), badge(episode)),
      h('p', { class: 'verdict' }, sentence(episode), ' ', h('span', { class: 'quiet' }, confidence(episode))),
      svg('svg', { class: 'axis', 'aria-hidden': 'true' },
        episode.segments.flatMap((s) => bar(s, episode.locked, episode.duration || 1, [4, 12]))),
      h('p', { class: 'quiet' }, episode.error ?? episode.reason ?? intro(episode)?.reason ?? ''),
      intros.map((s) => h('div', { class: 'buttons' },
        h('button', { type: 'button', onclick: hear(s.start) }, icon('play'), t('result.start')),
        h('button', { type: 'button', onclick: hear(s.end) }, icon('play'), t('result.end')),
        intros.length > 1 && h('span', { class: 'quiet' }, `${range(s)} (${length(s)})`))),
      episode.duration && screen,
      h('p', { class: 'buttons' },
        h('a', { class: 'button', href: to('episode', id) }, icon('edit'), t('result.open')),
        h('a', { class: 'button', href: to('season', episode.season.id) }, icon('library'), t('result.season'))));
    if (open && episode.duration) start();
  }, (problem) => fill(node, h('p', { class: 'quiet' }, problem.message)));
  return { node, destroy: () => player?.destroy() };
}
