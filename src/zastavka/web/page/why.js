/** Why this answer: what it rests on, and what people changed. */

import { length, range } from './answer.js';
import { h } from './dom.js';
import { moment, percent, t } from './texts.js';
import { clock } from './time.js';

/** @param {any} episode */
export function why(episode) {
  const media = episode.media ?? {};
  const rate = media.fps && t('why.fps', { n: Math.round(media.fps * 1000) / 1000 });
  const facts = [
    [t('why.reason'), episode.error ?? episode.reason],
    ...episode.segments.map((s) => [segmentName(s), segmentFacts(s)]),
    [t('why.duration'), episode.duration && clock(episode.duration)],
    [t('why.picture'), media.width && joined(', ', `${media.width}×${media.height}`, rate, media.video)],
    [t('why.sound'), media.audio],
  ].filter(([, value]) => value);
  return h('div', { class: 'why' },
    h('details', { open: true }, h('summary', {}, t('why.title')),
      h('dl', {}, facts.map(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]).flat())),
    episode.history.length > 0 && h('details', {}, h('summary', {}, t('why.history', { n: episode.history.length })),
      h('ol', { class: 'history' }, [...episode.history].reverse().map(historyRow))));
}

const joined = (by, ...parts) => parts.filter(Boolean).join(by);

const known = ['intro', 'logo', 'recap', 'eyecatch', 'credits', 'other'];
const segmentName = (s) => (known.includes(s.type) ? t(`type.${s.type}`) : s.type);

function segmentFacts(s) {
  if (s.sources?.includes('person')) return s.reason;
  const sources = (s.sources ?? []).map((name) => t(`source.${name}`)).join(', ');
  const where = s.type !== 'intro' && `${range(s)} (${length(s)})`;
  return joined(' · ', where, s.confidence !== null && percent(s.confidence), sources, s.reason);
}

function historyRow({ at, segments, undone }) {
  const what = segments === null ? t('why.unlocked')
    : segments.length ? segments.map((s) => range(s)).join(', ') : t('answer.none');
  return h('li', { class: undone ? 'undone' : '' }, h('span', { class: 'quiet' }, moment(at)), ' ', what,
    undone && h('span', { class: 'quiet' }, ` (${t('why.undone')})`));
}
