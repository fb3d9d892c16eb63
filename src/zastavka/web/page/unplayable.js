/** A video that a browser can't play, and the copy that it can. */

import * as api from './api.js';
import { fill, h } from './dom.js';
import { progress } from './job.js';
import { ended, take, watch } from './jobs.js';
import { problemBox } from './notes.js';
import { t } from './texts.js';

/** @param {any} episode @param {HTMLElement} player  what is shown when the copy is there */
export function unplayable(episode, player) {
  const place = h('div', { class: 'player' });
  const start = async () => {
    try {
      const job = await api.proxy(episode.id);
      take(job);
      const bar = progress(job);
      fill(place, h('div', { class: 'screen empty' }, h('p', {}, t('proxy.making')), bar.node));
      const end = watch((now) => now.id === job.id && bar.show(now));
      const last = await ended(job.id);
      end();
      if (last.state !== 'done') throw new api.Problem(200, { detail: last.error ?? t(`job.${last.state}`) });
      place.replaceWith(player);
      player.querySelector('video').load();
    } catch (problem) {
      fill(place, h('div', { class: 'screen empty' }, problemBox(problem, start)));
    }
  };
  fill(place, h('div', { class: 'screen empty' },
    h('p', {}, t('proxy.why', { video: episode.media?.video ?? '?', audio: episode.media?.audio ?? '–' })),
    h('button', { type: 'button', class: 'primary', onclick: start }, t('proxy.make'))));
  return place;
}
