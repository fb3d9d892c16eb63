/** Times: seconds to what people read, and back. */

/**
 * `83.25` as `1:23.25`, an hour as `1:00:00`. Rounded as a whole, so that 59.999 is 1:00.
 * @param {number} seconds @param {number} [digits]
 */
export function clock(seconds, digits = 0) {
  const unit = 10 ** digits;
  const all = Math.round(Math.abs(seconds) * unit);
  const rest = all % unit;
  const whole = (all - rest) / unit;
  const two = (n) => String(n).padStart(2, '0');
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const text = h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
  const part = digits ? `.${String(rest).padStart(digits, '0')}` : '';
  return `${seconds < 0 && all ? '-' : ''}${text}${part}`;
}

/**
 * What somebody typed: `83`, `1:23.5`, `1:02:03`, with a comma too. Null if it is no time.
 * @param {string} text @returns {number | null}
 */
export function parseClock(text) {
  const parts = text.trim().replace(',', '.').split(':');
  if (parts.length > 3 || !/^\d+(\.\d*)?$/.test(parts[parts.length - 1])) return null;
  if (!parts.slice(0, -1).every((p) => /^\d+$/.test(p))) return null;
  if (parts.slice(1).some((p) => Number(p) >= 60)) return null;
  return parts.reduce((sum, part) => sum * 60 + Number(part), 0);
}

/** Start of the frame that is shown at a time. The margin takes what rounding lost. */
export const frameStart = (seconds, fps) => Math.floor(seconds * fps + 1e-3) / fps;

/** The nearest start of a frame, to a millisecond, as it is stored. */
export const toFrame = (seconds, fps) =>
  Math.round((Math.round(seconds * fps) / fps) * 1000) / 1000;

/** How long before an edge a player starts, so that one hears what leads to it. */
const LEAD = 3;

/** @param {number} edge */
export const before = (edge) => Math.max(0, edge - LEAD);

/** Bytes as people read them: number and unit, which the language puts together. */
export function bytes(n) {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let power = 0;
  let value = n;
  while (value >= 1000 && power < units.length - 1) {
    value /= 1000;
    power += 1;
  }
  return { value: power && value < 100 ? Math.round(value * 10) / 10 : Math.round(value), unit: units[power] };
}

/** Seconds left as a pair of a number and its unit: `90` is 2 minutes, `40` is 40 seconds. */
export function roughly(seconds) {
  if (seconds < 60) return { n: Math.max(1, Math.round(seconds)), unit: 'second' };
  if (seconds < 5400) return { n: Math.round(seconds / 60), unit: 'minute' };
  return { n: Math.round(seconds / 3600), unit: 'hour' };
}
