/** The lanes of an episode under one axis: ruler, pictures, sound, curves, and segments over them all. */

import { colour, fill, h, svg } from './dom.js';
import { makeFilmstrip } from './filmstrip.js';
import { makeHandles } from './handles.js';
import { icon } from './icons.js';
import { t } from './texts.js';
import { clock } from './time.js';
import { around, panned, share, showing, span, ticks, timeAt, within, zoomed } from './view.js';
import { makeCurves, makeWave, prepared } from './waveform.js';

const CLOSE = 3; // seconds on either side of an edge that is looked at

/**
 * @param {any} episode
 * @param {{fps: number, seek: (time: number) => void, move: Function, done: () => void,
 *   select: (index: number) => void}} options
 */
export function makeTimeline(episode, options) {
  const duration = Math.max(1, episode.duration ?? 1);
  let view = around([], duration);
  const state = { segments: [], chosen: 0, kind: 'sure', time: 0 };
  const [film, wave, curves] = [makeFilmstrip(episode), makeWave(episode, duration), makeCurves()];
  const ruler = h('canvas', { class: 'ruler' });
  const head = h('div', { class: 'playhead' });
  const handles = makeHandles({ ...options, duration, view: () => view });
  const lanes = h('div', { class: 'lanes' }, ruler, film.node, wave.node, curves.node, handles.node, head);
  const overview = makeOverview(duration, () => ({ view, state }), (from) =>
    look(within({ from, to: from + span(view) }, duration)));

  const placeHead = () => {
    head.style.left = `${100 * share(view, state.time)}%`;
  };
  const drawSegments = () => {
    handles.show(state.segments, state.chosen, state.kind);
    overview.draw();
  };
  const draw = () => {
    drawRuler(ruler, view);
    for (const lane of [film, wave, curves]) lane.show(view);
    drawSegments();
    placeHead();
  };
  const look = (now) => {
    view = now;
    draw();
  };
  const resized = new ResizeObserver(draw);
  resized.observe(lanes);
  window.addEventListener('themechange', draw);
  follow(lanes, { view: () => view, duration, look, seek: options.seek });

  const timeline = {
    /** @param {{start: number, end: number}[]} segments */
    setSegments(segments, chosen, kind) {
      Object.assign(state, { segments, chosen, kind });
      drawSegments();
    },
    setTime(time) {
      state.time = time;
      const out = time > view.to || time < view.from;
      if (out) look(showing(view, time, duration));
      else placeHead();
    },
    setCurves: curves.set,
    zoom(factor) {
      const seen = state.time >= view.from && state.time <= view.to;
      look(zoomed(view, factor, seen ? state.time : timeAt(view, 0.5), duration));
    },
    all: () => look({ from: 0, to: duration }),
    fit: () => look(around(state.segments, duration)),
    edge: (time) => look(within({ from: time - CLOSE, to: time + CLOSE }, duration)),
    focusEdge: handles.focus,
    destroy() {
      resized.disconnect();
      wave.destroy();
      film.destroy();
      window.removeEventListener('themechange', draw);
    },
  };
  timeline.node = h('section', { class: 'timeline', 'aria-label': t('timeline.name') },
    toolbar(timeline, state), overview.node, lanes);
  return timeline;
}

function toolbar(timeline, state) {
  const button = (name, text, act) =>
    h('button', { type: 'button', class: 'small', title: text, 'aria-label': text, onclick: act }, icon(name));
  const word = (text, act) => h('button', { type: 'button', class: 'small', onclick: act }, text);
  const edge = (name) => () => state.segments[state.chosen] && timeline.edge(state.segments[state.chosen][name]);
  return h('div', { class: 'toolbar', role: 'group', 'aria-label': t('timeline.zoom') },
    button('zoomout', t('timeline.out'), () => timeline.zoom(0.5)),
    button('zoomin', t('timeline.in'), () => timeline.zoom(2)),
    word(t('timeline.fit'), timeline.fit), word(t('timeline.start'), edge('start')),
    word(t('timeline.end'), edge('end')), word(t('timeline.all'), timeline.all),
    h('span', { class: 'hint' }, t('timeline.hint')));
}

function drawRuler(canvas, view) {
  const { pen, width, height } = prepared(canvas);
  const { times, digits } = ticks(view, width / 80);
  pen.fillStyle = colour(canvas.parentElement, '--dim');
  pen.font = getComputedStyle(canvas).font;
  pen.textBaseline = 'middle';
  for (const time of times) {
    const x = share(view, time) * width;
    pen.fillRect(x, 0, 1, height);
    pen.fillText(clock(time, digits), x + 4, height / 2);
  }
}

/** The whole episode in a strip, with the part that is shown; dragged to go elsewhere. */
function makeOverview(duration, now, go) {
  const shown = svg('rect', { class: 'window', y: 0, height: '100%', rx: 3 });
  const bars = svg('g', {});
  const node = svg('svg', { class: 'overview', 'aria-hidden': 'true' }, bars, shown);
  const percent = (time) => `${(100 * time) / duration}%`;
  const drag = (event) => {
    const { left, width } = node.getBoundingClientRect();
    go(((event.clientX - left) / width) * duration - span(now().view) / 2);
  };
  node.addEventListener('pointerdown', (event) => {
    node.setPointerCapture(event.pointerId);
    drag(event);
  });
  node.addEventListener('pointermove', (event) => event.buttons && drag(event));
  return {
    node,
    draw() {
      const { view, state } = now();
      fill(bars, ...state.segments.map((s) =>
        svg('rect', { x: percent(s.start), width: percent(s.end - s.start), y: 4, height: 6, class: `bar grade-${state.kind}` })));
      shown.setAttribute('x', percent(view.from));
      shown.setAttribute('width', percent(span(view)));
    },
  };
}

/** What the pointer does on the lanes: click or drag seeks; a finger pans, two zoom; the wheel with ctrl zooms. */
function follow(lanes, { view, duration, look, seek }) {
  const held = new Map();
  const part = (x) => {
    const { left, width } = lanes.getBoundingClientRect();
    return (x - left) / width;
  };
  lanes.addEventListener('pointerdown', (event) => {
    if (event.button) return;
    lanes.setPointerCapture(event.pointerId);
    held.set(event.pointerId, event.clientX);
    if (event.pointerType === 'mouse') seek(timeAt(view(), part(event.clientX)));
    else if (held.size === 1) seek(timeAt(view(), part(event.clientX)));
  });
  lanes.addEventListener('pointermove', (event) => {
    const old = held.get(event.pointerId);
    if (old === undefined) return;
    held.set(event.pointerId, event.clientX);
    if (event.pointerType === 'mouse') return seek(timeAt(view(), part(event.clientX)));
    if (held.size === 1) return look(panned(view(), (part(old) - part(event.clientX)) * span(view()), duration));
    const other = [...held].find(([id]) => id !== event.pointerId)[1];
    const factor = Math.abs(event.clientX - other) / Math.max(8, Math.abs(old - other));
    return look(zoomed(view(), factor || 1, timeAt(view(), part((event.clientX + other) / 2)), duration));
  });
  for (const name of ['pointerup', 'pointercancel']) {
    lanes.addEventListener(name, (event) => held.delete(event.pointerId));
  }
  lanes.addEventListener('wheel', (event) => {
    const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
    if (!event.ctrlKey && !sideways) return;
    event.preventDefault();
    if (event.ctrlKey) look(zoomed(view(), Math.exp(-event.deltaY / 200), timeAt(view(), part(event.clientX)), duration));
    else look(panned(view(), (sideways / lanes.clientWidth) * span(view()), duration));
  }, { passive: false });
}
