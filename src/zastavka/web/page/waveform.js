/** Curves over time on a canvas: the waveform, and shares between 0 and 1. */

import * as api from './api.js';
import { colour, fill, h, later } from './dom.js';
import { t } from './texts.js';
import { share, span, within } from './view.js';

const REST = 200; // ms that a view is at rest before more is fetched
const MOST = 4000; // bins that are asked for at once
const CURVES = { probability: '--curve-probability', sound: '--curve-sound', picture: '--curve-picture' };

/** A canvas as fine as the screen, cleared. @returns {{pen: CanvasRenderingContext2D, width: number, height: number}} */
export function prepared(canvas) {
  const scale = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  const [w, hgt] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== w || canvas.height !== hgt) [canvas.width, canvas.height] = [w, hgt];
  const pen = canvas.getContext('2d');
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  return { pen, width, height };
}

/**
 * Lowest and highest value under each column of the screen; null where nothing is known.
 * @param {{start: number, end: number, low: number[], high: number[]}} peaks  evenly spaced
 */
export function columns(peaks, view, width) {
  const { start, end, low, high } = peaks;
  const perSecond = low.length / (end - start);
  return Array.from({ length: width }, (_, x) => {
    const time = view.from + (x / width) * span(view);
    const first = Math.floor((time - start) * perSecond + 1e-9);
    const last = Math.max(first, Math.ceil((time - start + span(view) / width) * perSecond - 1e-9) - 1);
    if (last < 0 || first >= low.length) return null;
    let [least, most] = [127, -128];
    for (let i = Math.max(0, first); i <= Math.min(last, low.length - 1); i += 1) {
      least = Math.min(least, low[i]);
      most = Math.max(most, high[i]);
    }
    return [least, most];
  });
}

/** @param {HTMLCanvasElement} canvas @param {any} peaks  of whatever part is known */
function drawWave(canvas, peaks, view) {
  const { pen, width, height } = prepared(canvas);
  const middle = height / 2;
  pen.fillStyle = colour(canvas.parentElement, '--wave');
  pen.globalAlpha = 0.25;
  pen.fillRect(0, middle - 0.5, width, 1);
  pen.globalAlpha = 1;
  if (!peaks) return;
  columns(peaks, view, Math.floor(width)).forEach((column, x) => {
    if (!column) return;
    const [least, most] = column;
    pen.fillRect(x, middle - (most / 128) * middle, 1, Math.max(1, ((most - least) / 128) * middle));
  });
}

/** The rows that a view shows, with one more on either side. */
function rowsIn(times, view) {
  let first = times.findIndex((time) => time >= view.from);
  if (first < 0) first = times.length;
  let last = first;
  while (last < times.length && times[last] <= view.to) last += 1;
  return [Math.max(0, first - 1), Math.min(times.length, last + 1)];
}

/** One curve of shares, filled to its foot. @param {string} variable  its colour */
function drawCurve(canvas, times, values, view, variable) {
  const { pen, width, height } = prepared(canvas);
  const [first, last] = rowsIn(times, view);
  if (last - first < 1) return;
  const x = (i) => share(view, times[i]) * width;
  const y = (i) => (height - 3) * (1 - values[i]) + 2;
  pen.beginPath();
  pen.moveTo(x(first), height);
  for (let i = first; i < last; i += 1) pen.lineTo(x(i), y(i));
  pen.lineTo(x(last - 1), height);
  pen.fillStyle = colour(canvas.parentElement, variable);
  pen.globalAlpha = 0.22;
  pen.fill();
  pen.globalAlpha = 1;
  pen.beginPath();
  for (let i = first; i < last; i += 1) pen.lineTo(x(i), y(i));
  pen.strokeStyle = pen.fillStyle;
  pen.lineWidth = 1.5;
  pen.stroke();
}

const lane = (name, canvas) =>
  h('div', { class: `lane ${name === 'wave' ? 'wave' : 'curve'}` }, canvas, h('span', { class: 'lane-name' }, t(`lane.${name}`)));

/** The lane of the sound: fetched with some room around the view, as fine as the screen. */
export function makeWave(episode, duration) {
  const canvas = h('canvas', {});
  let [peaks, view] = [null, null];
  const fine = () => peaks && peaks.start <= view.from + 0.01 && peaks.end >= view.to - 0.01
    && peaks.low.length / (peaks.end - peaks.start) > (0.6 * canvas.clientWidth) / span(view);
  const fetchNow = async () => {
    const side = span(view) / 2;
    const wanted = within({ from: view.from - side, to: view.to + side }, duration);
    const bins = Math.round(canvas.clientWidth * (span(wanted) / span(view)));
    const asked = { start: wanted.from.toFixed(3), end: wanted.to.toFixed(3), bins: Math.max(16, Math.min(MOST, bins)) };
    try {
      peaks = await api.peaks(episode.id, asked);
      drawWave(canvas, peaks, view);
    } catch { /* no sound: the lane stays empty */ }
  };
  const rest = later(REST, fetchNow);
  return {
    node: lane('wave', canvas),
    show(now) {
      view = now;
      drawWave(canvas, peaks, view);
      if (!fine()) rest.call();
    },
    destroy: rest.cancel,
  };
}

/** The lanes of the curves: of those that are known. */
export function makeCurves() {
  const node = h('div', { class: 'curves loading' });
  let canvases = [];
  let [curves, view] = [null, null];
  const draw = () => canvases.forEach(([name, canvas]) =>
    drawCurve(canvas, curves.times, curves[name], view, CURVES[name]));
  return {
    node,
    /** @param {any} found  null: there are none */
    set(found) {
      node.classList.remove('loading');
      curves = found;
      const names = Object.keys(CURVES).filter((name) => found?.[name]);
      canvases = names.map((name) => [name, h('canvas', {})]);
      fill(node, ...canvases.map(([name, canvas]) => lane(name, canvas)));
      if (view) draw();
    },
    show(now) {
      view = now;
      draw();
    },
  };
}
