/** Segments as somebody edits them: pure, sorted, never overlapping, never empty. */

import { toFrame } from './time.js';

/** @typedef {{start: number, end: number}} Span */

const NEW = 30; // seconds of a segment that is added, where there is room

export const intros = (episode) =>
  episode.segments.filter((s) => s.type === 'intro').map(({ start, end }) => ({ start, end }));

export const others = (episode) => episode.segments.filter((s) => s.type !== 'intro');

/** Between which times an edge can be moved. */
export function room(segments, index, edge, duration, fps) {
  const { start, end } = segments[index];
  const frame = 1 / fps;
  if (edge === 'start') return { least: index ? segments[index - 1].end : 0, most: end - frame };
  return { least: start + frame, most: segments[index + 1]?.start ?? duration };
}

/** Whether an edge can be at a time, as somebody typed it: to within a frame. */
export function fits(segments, index, edge, time, duration, fps) {
  const { least, most } = room(segments, index, edge, duration, fps);
  return time > least - 1 / fps && time < most + 1 / fps;
}

/** The segments with one edge elsewhere: on a frame, and where there is room for it. */
export function moved(segments, index, edge, time, duration, fps) {
  const { least, most } = room(segments, index, edge, duration, fps);
  const at = Math.min(Math.max(toFrame(time, fps), least), most);
  const kept = Math.round(at * 1000) / 1000;
  return segments.map((s, i) => (i === index ? { ...s, [edge]: kept } : s));
}

/** With one more from a time on, or null where another one is. */
export function added(segments, at, duration, fps) {
  if (segments.some((s) => at >= s.start && at < s.end)) return null;
  const next = segments.find((s) => s.start > at)?.start ?? duration;
  const start = toFrame(at, fps);
  const end = Math.min(start + NEW, next);
  if (end - start < 1 / fps) return null;
  return [...segments, { start, end }].sort((a, b) => a.start - b.start);
}

export const removed = (segments, index) => segments.filter((_, i) => i !== index);

export const same = (a, b) =>
  a.length === b.length && a.every((s, i) => s.start === b[i].start && s.end === b[i].end);

/** How far the edges of the first segment went; zero where there is nothing to compare. */
export function shift(old, now) {
  if (!old.length || !now.length) return { start: 0, end: 0 };
  const by = (a, b) => Math.round((b - a) * 1000) / 1000;
  return { start: by(old[0].start, now[0].start), end: by(old[0].end, now[0].end) };
}

/** The segment that a time belongs to: the one around it, else the nearest. -1 if there is none. */
export function nearest(segments, time) {
  const far = segments.map((s) => Math.max(s.start - time, time - s.end, 0));
  return far.indexOf(Math.min(...far));
}
