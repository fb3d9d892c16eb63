/** Texts in the reader's language. The dictionaries lie in texts/, one module a language. */

import { bytes, roughly } from './time.js';

export const LANGUAGES = { en: 'English', ru: 'Русский' };
const KEPT = 'zastavka-language';

let dictionary = {};
let chosen = 'en';
let plurals = new Intl.PluralRules('en');

export const language = () => chosen;

/** The language to start with: what was chosen here before, else what the browser prefers. */
export function preferred(kept, wanted) {
  if (kept in LANGUAGES) return kept;
  const known = wanted.map((tag) => tag.slice(0, 2).toLowerCase()).find((tag) => tag in LANGUAGES);
  return known ?? 'en';
}

/** @param {string} [wanted]  a language to change to and to keep */
export async function load(wanted) {
  let kept = null;
  try {
    if (wanted) localStorage.setItem(KEPT, wanted);
    kept = localStorage.getItem(KEPT);
  } catch { /* storage may be forbidden; the choice then holds for this page */ }
  chosen = wanted ?? preferred(kept, navigator.languages ?? [navigator.language]);
  dictionary = (await import(`./texts/${chosen}.js`)).default;
  plurals = new Intl.PluralRules(chosen);
  document.documentElement.lang = chosen;
}

/** A text with its places filled in. Where it has forms for numbers, `n` chooses. */
export function filled(text, values, rules) {
  const form = typeof text === 'string' ? text : (text[rules.select(values.n)] ?? text.other);
  return form.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/** @param {string} key @param {Record<string, string | number>} [values] */
export function t(key, values = {}) {
  return key in dictionary ? filled(dictionary[key], values, plurals) : key;
}

export const number = (n, digits = 0) =>
  new Intl.NumberFormat(chosen, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(n);

export const percent = (share) =>
  new Intl.NumberFormat(chosen, { style: 'percent', maximumFractionDigits: 0 }).format(share);

export function size(n) {
  const { value, unit } = bytes(n);
  return t(`unit.${unit}`, { n: new Intl.NumberFormat(chosen).format(value) });
}

/** About how long: "2 minutes". */
export function lasting(seconds) {
  const { n, unit } = roughly(seconds);
  return t(`unit.${unit}`, { n });
}

/** A length to hundredths: "29.25 s". */
export const seconds = (n, digits = 2) => t('unit.s', { n: number(n, digits) });

/** A time as one says it, for those who listen to the page. */
export function spoken(time) {
  const minutes = Math.floor((Math.round(time * 100) / 100) / 60);
  const rest = Math.round((time - minutes * 60) * 100) / 100;
  const said = t('unit.secondsPart', { n: rest, text: number(rest, 2) });
  return minutes ? `${t('unit.minute', { n: minutes })} ${said}` : said;
}

/** When something happened, as the language writes it. @param {string | number} at  ISO, or seconds since 1970 */
export const moment = (at) =>
  new Intl.DateTimeFormat(chosen, { dateStyle: 'medium', timeStyle: 'short' }).format(
    new Date(typeof at === 'number' ? at * 1000 : at),
  );
