/** Pictures along the time axis: one image for what is shown, fetched when the view is at rest. */

import { filmstrip } from './api.js';
import { h, later } from './dom.js';
import { share, span } from './view.js';

const MOST = 60; // pictures that one image may have
const REST = 250; // ms
const TALLEST = 180; // px

export const pictures = (width, height) =>
  Math.max(1, Math.min(MOST, Math.round(width / ((height * 16) / 9))));

/** @param {{id: string}} episode */
export function makeFilmstrip(episode) {
  const node = h('div', { class: 'lane film' });
  let image = null;
  let covered = null;
  let view = null;
  let latest = 0;

  const place = () => {
    if (!image) return;
    image.style.left = `${100 * share(view, covered.from)}%`;
    image.style.width = `${(100 * span(covered)) / span(view)}%`;
  };
  const fetchNow = () => {
    const { clientWidth: width, clientHeight: height } = node;
    if (!width) return;
    const wanted = { ...view };
    latest += 1;
    const turn = latest;
    const pixels = Math.min(TALLEST, Math.round(height * Math.min(2, window.devicePixelRatio || 1)));
    const next = h('img', { alt: '', draggable: 'false' });
    next.onload = () => {
      if (turn !== latest) return;
      image?.remove();
      [image, covered] = [next, wanted];
      node.append(image);
      place();
    };
    next.src = filmstrip(episode.id, {
      start: wanted.from.toFixed(3), end: wanted.to.toFixed(3), count: pictures(width, height), height: pixels,
    });
  };
  const rest = later(REST, fetchNow);
  return {
    node,
    show(now) {
      view = now;
      place();
      if (!covered || covered.from !== now.from || covered.to !== now.to) rest.call();
    },
    destroy: rest.cancel,
  };
}
