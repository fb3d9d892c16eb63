/** A video with controls of our own: exact to the frame, and usable by keys alone. */

import { h, fill } from './dom.js';
import { icon } from './icons.js';
import { t } from './texts.js';
import { before, clock, frameStart } from './time.js';

const chosen = { rate: 1, muted: false }; // for the next player too: who reviews chooses once
const INSIDE = 0.3; // of a frame: a seek to its very start may show the one before

/**
 * @param {{fps: number, duration: number, label: string}} options
 * @returns a player; `onTime` is called with the time of the frame that is shown
 */
export function makePlayer({ fps, duration, label }) {
  const video = h('video', { preload: 'auto', playsinline: true, 'aria-label': label, tabindex: -1 });
  const listeners = new Set();
  const readout = h('output', { class: 'readout', 'aria-label': t('player.time') });
  const toggler = h('button', { type: 'button', class: 'round', onclick: () => player.toggle() });
  let asked = 0; // where it was told to be; the video itself may still be on its way
  let frame = 0;
  let failed = null;

  const shown = () => (video.seeking || video.readyState === 0 ? asked : frameStart(video.currentTime, fps));
  const say = () => {
    const now = shown();
    readout.textContent = `${clock(now, 2)} / ${clock(duration)}`;
    listeners.forEach((listener) => listener(now));
  };
  const run = () => {
    say();
    if (!video.paused) frame = requestAnimationFrame(run);
  };
  const state = () => {
    const playing = !video.paused;
    fill(toggler, icon(playing ? 'pause' : 'play'));
    toggler.setAttribute('aria-label', t(playing ? 'player.pause' : 'player.play'));
    cancelAnimationFrame(frame);
    run();
  };

  const player = {
    time: shown,
    seek(time) {
      asked = Math.min(Math.max(0, time), Math.max(0, duration - 1 / fps));
      video.currentTime = frameStart(asked, fps) + INSIDE / fps;
      asked = frameStart(asked, fps);
      say();
    },
    step(frames) {
      video.pause();
      player.seek((Math.round(shown() * fps) + frames) / fps);
    },
    jump: (by) => player.seek(shown() + by),
    toggle: () => (video.paused ? player.play() : video.pause()),
    pause: () => video.pause(),
    play: () => video.play().catch(() => null), // a file that can't be played says so by its error
    /** @param {string} src @param {() => void} cannot  called where the browser can't play it */
    load(src, cannot) {
      failed = cannot;
      video.src = src;
      if (asked) player.seek(asked);
    },
    /** From a little before an edge, so that one hears what leads to it. */
    hear(edge) {
      player.seek(before(edge));
      player.play();
    },
    onTime: (listener) => listeners.add(listener),
    destroy() {
      cancelAnimationFrame(frame);
      video.pause();
      video.removeAttribute('src');
      video.load();
    },
  };
  for (const name of ['play', 'pause', 'ended']) video.addEventListener(name, state);
  for (const name of ['seeked', 'loadedmetadata']) video.addEventListener(name, say);
  video.addEventListener('click', player.toggle);
  video.addEventListener('error', () => video.hasAttribute('src') && failed?.());
  video.addEventListener('loadedmetadata', () => !video.videoWidth && failed?.());
  player.node = h('div', { class: 'player' },
    h('div', { class: 'screen' }, video),
    controls(player, video, toggler, readout));
  state();
  return player;
}

function controls(player, video, toggler, readout) {
  const button = (name, text, act) =>
    h('button', { type: 'button', class: 'round', 'aria-label': text, title: text, onclick: act }, icon(name));
  const speed = h('select', { 'aria-label': t('player.speed'), class: 'speed', onchange: () => {
    chosen.rate = Number(speed.value);
    video.playbackRate = chosen.rate;
  } }, [0.25, 0.5, 1, 1.5, 2].map((n) => h('option', { value: n, selected: n === chosen.rate }, `${n}×`)));
  const mute = button('sound', t('player.mute'), () => {
    chosen.muted = !chosen.muted;
    hush();
  });
  const hush = () => {
    video.muted = chosen.muted;
    fill(mute, icon(chosen.muted ? 'mute' : 'sound'));
    mute.setAttribute('aria-pressed', String(chosen.muted));
  };
  hush();
  // a source that is loaded sets the rate back to this one
  video.defaultPlaybackRate = chosen.rate;
  return h('div', { class: 'controls', role: 'group', 'aria-label': t('player.controls') },
    button('back', t('player.back'), () => player.jump(-5)),
    button('frameback', t('player.frameBack'), () => player.step(-1)),
    toggler,
    button('frameforward', t('player.frameForward'), () => player.step(1)),
    button('forward', t('player.forward'), () => player.jump(5)),
    readout, h('span', { class: 'grow' }), speed, mute);
}
