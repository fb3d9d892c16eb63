/** The part of an episode that is on the screen, and its axis. All pure. */

/** @typedef {{from: number, to: number}} View  seconds */

const LEAST = 0.5; // seconds on the screen at least
const STEPS = [0.04, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];

export const span = (view) => view.to - view.from;

/** Where a time stands, as a share of the width: below 0 or above 1 when it is not shown. */
export const share = (view, time) => (time - view.from) / span(view);

export const timeAt = (view, part) => view.from + part * span(view);

/** Moved into the episode as a whole, shortened only if the episode is shorter. */
export function within(view, duration) {
  const length = Math.min(span(view), duration);
  const from = Math.min(Math.max(0, view.from), duration - length);
  return { from, to: from + length };
}

/** Zoomed around a time that stays where it is. A factor of 2 shows half as much. */
export function zoomed(view, factor, at, duration) {
  const length = Math.min(duration, Math.max(LEAST, span(view) / factor));
  const from = at - share(view, at) * length;
  return within({ from, to: from + length }, duration);
}

export const panned = (view, by, duration) =>
  within({ from: view.from + by, to: view.to + by }, duration);

/** A view that has all of these segments with room around, or the first minutes of an episode. */
export function around(segments, duration, room = 0.6) {
  if (!segments.length) return within({ from: 0, to: Math.min(duration, 300) }, duration);
  const start = Math.min(...segments.map((s) => s.start));
  const end = Math.max(...segments.map((s) => s.end));
  const side = Math.max(4, (end - start) * room);
  return within({ from: start - side, to: end + side }, duration);
}

/** Panned so far that a time is shown, with a tenth of the width to spare. */
export function showing(view, time, duration) {
  const edge = span(view) / 10;
  if (time < view.from) return panned(view, time - view.from - edge, duration);
  if (time > view.to) return panned(view, time - view.to + edge, duration);
  return view;
}

/** Distance of the labels of an axis, so that `most` of them fit. */
export function step(length, most) {
  return STEPS.find((s) => length / s <= most) ?? STEPS[STEPS.length - 1] * Math.ceil(length / most / 3600);
}

/** Labels of an axis and how many digits they need. @returns {{times: number[], digits: number}} */
export function ticks(view, most) {
  const by = step(span(view), Math.max(1, most));
  const first = Math.ceil(view.from / by - 1e-9);
  const last = Math.floor(view.to / by + 1e-9);
  const times = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => (first + i) * by);
  return { times, digits: by < 0.1 ? 2 : by < 1 ? 1 : 0 };
}
