/** Two people changed one episode: both versions side by side, and a person chooses. */

import { bar, confidence, range, length } from './answer.js';
import { h, svg } from './dom.js';
import { seconds, t } from './texts.js';

/**
 * @param {{start: number, end: number}[]} mine @param {any} theirs  the episode as it is kept now
 * @returns {Promise<'mine' | 'theirs'>}
 */
export function chooseVersion(mine, theirs) {
  const others = theirs.segments.filter((s) => s.type === 'intro');
  const ends = [...mine, ...others].map((s) => s.end);
  const end = Math.max(1, ...ends) * 1.15;
  const unsaved = mine.map((s) => ({ ...s, type: 'intro', status: 'found', confidence: 1 }));
  const state = t(`state.${theirs.locked ? 'locked' : theirs.state}`);
  const dialog = h('dialog', {
    class: 'conflict', 'aria-labelledby': 'conflict-title', 'aria-describedby': 'conflict-why',
  },
    h('h2', { id: 'conflict-title' }, t('conflict.title')),
    h('p', { id: 'conflict-why' }, t('conflict.why')),
    h('div', { class: 'versions' },
      version(t('conflict.mine'), unsaved, t('conflict.unsaved'), end),
      version(t('conflict.theirs'), others, [state, confidence(theirs)].filter(Boolean).join(' · '), end)),
    h('p', { class: 'quiet' }, difference(mine, others)),
    h('form', { method: 'dialog', class: 'buttons' },
      h('button', { value: 'theirs', autofocus: true }, t('conflict.keepTheirs')),
      h('button', { value: 'mine', class: 'primary' }, t('conflict.keepMine'))));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      // Escape chooses what harms nobody: what is kept stays
      resolve(dialog.returnValue === 'mine' ? 'mine' : 'theirs');
    });
  });
}

function version(title, segments, note, end) {
  return h('section', { class: 'version' },
    h('h3', {}, title),
    segments.length
      ? h('ul', {}, segments.map((s) => h('li', {}, h('strong', {}, range(s)), ` (${length(s)})`)))
      : h('p', {}, h('strong', {}, t('answer.none'))),
    svg('svg', { class: 'axis', 'aria-hidden': 'true' }, segments.flatMap((s) => bar(s, true, end, [4, 12]))),
    h('p', { class: 'quiet' }, note));
}

/** How far the two are apart, in words. */
function difference(mine, theirs) {
  if (mine.length !== 1 || theirs.length !== 1) return '';
  const how = (edge) => {
    const by = Math.round((mine[0][edge] - theirs[0][edge]) * 100) / 100;
    return by ? t(by < 0 ? 'conflict.earlier' : 'conflict.later', { by: seconds(Math.abs(by)) }) : t('conflict.same');
  };
  return t('conflict.difference', { start: how('start'), end: how('end') });
}
