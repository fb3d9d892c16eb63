/** How an answer is told: its state, how sure it is, and what to look at first. */

import { h, svg } from './dom.js';
import { icon } from './icons.js';
import { percent, seconds, t } from './texts.js';
import { clock } from './time.js';

const SURE = 0.9; // confidence from which an answer is drawn as sure

/** One of locked, sure, likely, review: each has a colour, a pattern and a word of its own. */
export function grade(segment, locked) {
  if (locked) return 'locked';
  if (segment.status === 'review') return 'review';
  return segment.confidence !== null && segment.confidence >= SURE ? 'sure' : 'likely';
}

const FIRST = { review: 0, failed: 1, unknown: 2, found: 3, none: 3 };

/** What needs a look first: doubts, failures, then the less sure; what a person said comes last. */
export function byDoubt(episodes) {
  const place = (e) => (e.locked ? 4 : FIRST[e.state]);
  return [...episodes].sort((a, b) => place(a) - place(b) || (a.confidence ?? 1) - (b.confidence ?? 1));
}

/** Where a common axis of these episodes ends: a quarter behind the last segment. */
export function axisEnd(episodes) {
  const ends = episodes.flatMap((e) => e.segments.map((s) => s.end));
  const longest = Math.max(0, ...episodes.map((e) => e.duration ?? 0));
  if (!ends.length) return Math.max(1, longest);
  return Math.max(1, Math.min(longest || Infinity, Math.max(...ends) * 1.25));
}

export const intro = (episode) => episode.segments.find((s) => s.type === 'intro') ?? null;

export const range = (segment, digits = 2) =>
  `${clock(segment.start, digits)} – ${clock(segment.end, digits)}`;

export const length = (segment) => seconds(segment.end - segment.start);

/** One sentence: "Intro found: 0:43.29 – 1:12.54 (29.25 s)". */
export function sentence(episode) {
  const found = episode.segments.filter((s) => s.type === 'intro');
  if (!found.length) return episode.locked ? t('answer.noneSaid') : t(`answer.${episode.state}`);
  const where = found.map((s) => `${range(s)} (${length(s)})`).join(', ');
  return t(episode.state === 'review' && !episode.locked ? 'answer.reviewAt' : 'answer.foundAt', { where });
}

/** How sure: a figure, or that a person said so. */
export function confidence(episode) {
  if (episode.locked) return t('answer.person');
  return episode.confidence === null ? '' : percent(episode.confidence);
}

const SIGNS = { found: 'check', review: 'warning', none: 'none', failed: 'close', unknown: 'help' };

/** The state as a word with a sign, so that colour says nothing alone. */
export function badge(episode) {
  const state = episode.locked ? 'locked' : episode.state;
  return h('span', { class: `badge state-${state}` }, icon(episode.locked ? 'lock' : SIGNS[state]), t(`state.${state}`));
}

/** Seconds as a place on an axis, for svg. */
const at = (time, end) => `${Math.max(0, (100 * time) / end)}%`;

/** The bar of one segment on an axis that ends at `end` seconds. */
export function bar(segment, locked, end, [y, height]) {
  const kind = segment.type === 'intro' ? grade(segment, locked) : 'other';
  const place = { x: at(segment.start, end), width: at(segment.end - segment.start, end), y, height, rx: 2 };
  return [
    svg('rect', { ...place, class: `bar grade-${kind}` }),
    kind === 'review' && svg('rect', { ...place, fill: 'url(#hatch)', class: 'pattern' }),
    kind === 'likely' && svg('rect', { ...place, fill: 'url(#dots)', class: 'pattern' }),
  ];
}

/** The patterns that bars are filled with: once in a document. */
export const patterns = () =>
  svg('svg', { class: 'defs', width: 0, height: 0, 'aria-hidden': 'true' },
    svg('defs', {},
      svg('pattern', { id: 'hatch', width: 6, height: 6, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' },
        svg('rect', { width: 2.5, height: 6, class: 'ink' })),
      svg('pattern', { id: 'dots', width: 6, height: 6, patternUnits: 'userSpaceOnUse' },
        svg('circle', { cx: 3, cy: 3, r: 1.1, class: 'ink' }))));

/** What the colours and patterns mean. */
export const legend = () =>
  h('ul', { class: 'legend' },
    ['sure', 'likely', 'review', 'locked', 'other'].map((kind) =>
      h('li', {},
        svg('svg', { class: 'swatch', 'aria-hidden': 'true' },
          bar(sample(kind), kind === 'locked', 1, [0, '100%'])),
        t(`legend.${kind}`))));

function sample(kind) {
  const type = kind === 'other' ? 'other' : 'intro';
  return { type, start: 0, end: 1, status: kind === 'review' ? 'review' : 'found', confidence: kind === 'sure' ? 1 : 0.5 };
}
