/** Curves over time on a canvas: the waveform, and shares between 0 and 1. */

import { colour } from './dom.js';
import { share, span } from './view.js';

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
export function drawWave(canvas, peaks, view) {
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
export function rowsIn(times, view) {
  let first = times.findIndex((time) => time >= view.from);
  if (first < 0) first = times.length;
  let last = first;
  while (last < times.length && times[last] <= view.to) last += 1;
  return [Math.max(0, first - 1), Math.min(times.length, last + 1)];
}

/** One curve of shares, filled to its foot. @param {string} variable  its colour */
export function drawCurve(canvas, times, values, view, variable) {
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
