/** A player for an episode; where the browser can't play the file, a copy that it can. */

import * as api from './api.js';
import { fill, h } from './dom.js';
import { progress } from './job.js';
import { ended, take, watch } from './jobs.js';
import { problemBox } from './notes.js';
import { makePlayer } from './player.js';
import { t } from './texts.js';

const FPS = 25; // where a file does not say
// in whatever container: some browsers play these in an MKV too, and others say that they can't
const PICTURES = ['h264', 'vp8', 'vp9', 'av1'];
const SOUNDS = ['aac', 'mp3', 'opus', 'vorbis', 'flac'];

export const framesOf = (episode) => episode.media?.fps || FPS;

/** Whether it makes sense to let the browser try. Else it would play without sound, say. */
export const worthTrying = (media) =>
  media !== null && (media.playable
    || (PICTURES.includes(media.video) && (media.audio === null || SOUNDS.includes(media.audio))));

/** @param {any} episode @returns the player; `place` is what stands on the page */
export function makeWatching(episode) {
  const player = makePlayer({ fps: framesOf(episode), duration: episode.duration ?? 1, label: episode.name });
  const place = h('div', { class: 'watching' }, player.node);
  const src = api.video(episode.id);
  const refuse = () => fill(place, copyBox(episode, () => {
    fill(place, player.node);
    player.load(src, () => fill(place, brokenBox()));
  }));
  if (worthTrying(episode.media)) player.load(src, episode.media.playable ? () => fill(place, brokenBox()) : refuse);
  else refuse();
  return { ...player, place };
}

const brokenBox = () =>
  h('div', { class: 'player' }, h('div', { class: 'screen empty' }, h('p', {}, t('player.error'))));

/** Offers to make a copy, and shows how far it is. @param {() => void} done */
function copyBox(episode, done) {
  const screen = h('div', { class: 'screen empty' });
  const start = async () => {
    try {
      const job = await api.proxy(episode.id);
      take(job);
      const bar = progress(job);
      fill(screen, h('p', {}, t('proxy.making')), bar.node);
      const end = watch((now) => now.id === job.id && bar.show(now));
      const last = await ended(job.id);
      end();
      if (last.state !== 'done') throw new api.Problem(200, { detail: last.error ?? t(`job.${last.state}`) });
      done();
    } catch (problem) {
      fill(screen, problemBox(problem, start));
    }
  };
  const { video, audio } = episode.media ?? {};
  fill(screen, h('p', {}, t('proxy.why', { video: video ?? '?', audio: audio ?? '–' })),
    h('button', { type: 'button', class: 'primary', onclick: start }, t('proxy.make')));
  return h('div', { class: 'player' }, screen);
}
