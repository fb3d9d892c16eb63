/** Segments over the lanes: a region each, and two edges that are dragged or moved by keys. */

import { h, fill } from './dom.js';
import { room } from './edges.js';
import { spoken, t } from './texts.js';
import { clock } from './time.js';
import { share, timeAt } from './view.js';

/** How far a key moves an edge, in seconds; null if it does not. */
export function keyStep(event, fps) {
  const by = event.shiftKey ? 1 : 1 / fps;
  const steps = { ArrowLeft: -by, ArrowDown: -by, ArrowRight: by, ArrowUp: by, PageDown: -5, PageUp: 5 };
  return steps[event.key] ?? null;
}

/**
 * @param {{fps: number, duration: number, move: (index: number, edge: string, time: number) => void,
 *   done: () => void, select: (index: number) => void, view: () => any}} options
 *   move: an edge is wanted elsewhere; done: it is let go
 */
export function makeHandles(options) {
  const node = h('div', { class: 'overlay' });
  /** @type {{region: HTMLElement, start: HTMLElement, end: HTMLElement}[]} */
  let parts = [];

  const place = (segments, chosen, kind) => {
    const view = options.view();
    parts.forEach(({ region, start, end }, index) => {
      const segment = segments[index];
      const [from, to] = [share(view, segment.start), share(view, segment.end)];
      region.style.left = `${100 * from}%`;
      region.style.width = `${100 * (to - from)}%`;
      region.className = `region grade-${kind}${index === chosen ? ' chosen' : ''}`;
      for (const [edge, handle] of [['start', start], ['end', end]]) {
        handle.style.left = `${100 * share(view, segment[edge])}%`;
        describe(handle, segment[edge], room(segments, index, edge, options.duration, options.fps));
        handle.classList.toggle('chosen', index === chosen);
      }
    });
  };
  return {
    node,
    /** @param {{start: number, end: number}[]} segments @param {string} kind  how the regions look */
    show(segments, chosen, kind) {
      if (parts.length !== segments.length) {
        parts = segments.map((_, index) => ({
          region: h('div', { class: 'region' },
            h('span', {}, segments.length > 1 ? t('edge.intro', { n: index + 1 }) : t('edge.one'))),
          start: handle(node, index, 'start', segments.length, options),
          end: handle(node, index, 'end', segments.length, options),
        }));
        fill(node, ...parts.map((p) => p.region), ...parts.flatMap((p) => [p.start, p.end]));
      }
      place(segments, chosen, kind);
    },
    focus: (index, edge) => parts[index]?.[edge].focus(),
  };
}

function describe(handle, time, { least, most }) {
  handle.setAttribute('aria-valuemin', least.toFixed(2));
  handle.setAttribute('aria-valuemax', most.toFixed(2));
  handle.setAttribute('aria-valuenow', time.toFixed(3));
  handle.setAttribute('aria-valuetext', spoken(time));
  handle.dataset.time = clock(time, 2);
}

function handle(overlay, index, edge, of, options) {
  const label = of > 1 ? t(`edge.${edge}Of`, { n: index + 1 }) : t(`edge.${edge}`);
  const node = h('div', { class: `handle ${edge}`, role: 'slider', tabindex: 0, 'aria-label': label });
  const read = (name) => Number(node.getAttribute(`aria-value${name}`));
  const now = () => read('now');
  let grip = null; // how far from the edge it was taken hold of, in px

  node.addEventListener('pointerdown', (event) => {
    if (event.button) return;
    event.preventDefault();
    event.stopPropagation();
    node.setPointerCapture(event.pointerId);
    node.focus();
    options.select(index);
    const { left, width } = overlay.getBoundingClientRect();
    grip = event.clientX - left - share(options.view(), now()) * width;
    node.classList.add('held');
  });
  node.addEventListener('pointermove', (event) => {
    if (grip === null) return;
    const { left, width } = overlay.getBoundingClientRect();
    options.move(index, edge, timeAt(options.view(), (event.clientX - grip - left) / width));
  });
  const release = () => {
    if (grip === null) return;
    grip = null;
    node.classList.remove('held');
    options.done();
  };
  node.addEventListener('pointerup', release);
  node.addEventListener('pointercancel', release);
  node.addEventListener('focus', () => options.select(index));
  node.addEventListener('keydown', (event) => {
    const step = keyStep(event, options.fps);
    const to = step !== null ? now() + step : { Home: read('min'), End: read('max') }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    options.move(index, edge, to);
    options.done();
  });
  return node;
}
