/** Review: one doubtful episode after the other; one key decides, and the next is there. */

import * as api from '../api.js';
import { badge, confidence, intro, sentence } from '../answer.js';
import { fill, h } from '../dom.js';
import { makeEditor } from '../editor.js';
import { icon } from '../icons.js';
import { makeKeeper } from '../keeping.js';
import { bind, hint, showKeys } from '../keys.js';
import { emptyBox, fail, note } from '../notes.js';
import { to } from '../routes.js';
import { t } from '../texts.js';
import { why } from '../why.js';
import { seasonName } from './library.js';

const ASKED = 20; // episodes asked for at a time
const AHEAD = 2; // episodes that are read while one is looked at

/** Those that were not passed over. */
export const waiting = (queue, passed) => queue.filter((e) => !passed.has(e.id));

/** @param {HTMLElement} place */
export async function show(place) {
  const passed = new Set();
  const box = h('div', {});
  const count = h('p', { class: 'quiet', role: 'status' });
  fill(place, h('div', { class: 'page-head' }, h('h1', { tabindex: -1 }, t('review.title')), count), box);
  let desk = null; // the episode on the table
  let last = null; // the decision before, for undo
  const ready = new Map(); // the next episodes by id, being read
  let gone = false;

  const next = async () => {
    const { episodes, left } = await api.review(ASKED + passed.size);
    if (gone) return;
    window.dispatchEvent(new CustomEvent('reviewleft', { detail: left }));
    count.textContent = left ? t('review.left', { n: left }) : '';
    const [one, ...after] = waiting(episodes, passed);
    if (!one) return finish(left);
    const read = (await ready.get(one.id)) ?? (await api.episode(one.id));
    // what was read ahead may have been changed by somebody else since
    const episode = read.version === one.version ? read : await api.episode(one.id);
    if (gone) return;
    lay(episode);
    const ahead = after.slice(0, AHEAD).map(({ id }) => [id, ready.get(id) ?? api.episode(id).catch(() => null)]);
    ready.clear();
    ahead.forEach(([id, reading]) => ready.set(id, reading));
  };
  const finish = (left) => {
    desk?.destroy();
    desk = null;
    fill(box, left
      ? emptyBox('skip', t('review.passedTitle'), t('review.passedText', { n: left }),
        h('button', { type: 'button', class: 'primary', onclick: () => {
          passed.clear();
          next();
        } }, t('review.again')))
      : emptyBox('check', t('review.emptyTitle'), t('review.emptyText'),
        h('a', { class: 'button', href: to('library') }, t('library.title'))));
  };
  const decided = (episode, by) => {
    // what others decided is not ours to undo
    last = by === 'theirs' ? null : episode;
    note(t(`kept.${by}`), last && { label: t('undo'), act: undo });
    return next();
  };
  const undo = async () => {
    if (!last) return;
    const { id } = last;
    last = null;
    try {
      await api.undo(await api.episode(id));
      passed.delete(id);
      lay(await api.episode(id));
      note(t('kept.undone'));
    } catch (problem) {
      fail(problem);
    }
  };
  const lay = (episode) => {
    desk?.destroy();
    desk = makeDesk(episode, { decided, undo, skip: () => {
      passed.add(episode.id);
      return next();
    } });
    fill(box, desk.node);
    desk.laid();
  };
  await next();
  return () => {
    gone = true;
    desk?.destroy();
  };
}

function makeDesk(first, { decided, undo, skip }) {
  let busy = false;
  const keeper = makeKeeper(first, {
    shown: () => editor.segments(),
    changed: (now, by) => {
      if (by !== 'theirs') return;
      editor.setEpisode(now);
      draw(now);
      if (now.locked) decided(now, 'theirs');
    },
    failed: fail,
  });
  const draft = h('p', { class: 'quiet draft', role: 'status' });
  const editor = makeEditor(first, { changed: () => draw(keeper.episode()) });
  /** One decision at a time, so that a key held down does not decide for the next one too. */
  const decide = (by, call) => async () => {
    if (busy) return;
    busy = true;
    try {
      if (await call()) await decided(keeper.episode(), by);
    } catch (problem) {
      fail(problem);
    } finally {
      busy = false;
    }
  };
  const acts = {
    accept: decide('accepted', () => keeper.accept()),
    correct: decide('saved', () => keeper.save(editor.segments())),
    none: decide('none', () => keeper.save([])),
    skip: decide('skipped', async () => {
      await skip();
      return false;
    }),
    undo,
  };
  const button = (name, sign, kind = '') =>
    h('button', { type: 'button', class: kind, onclick: acts[name] }, icon(sign), h('span', {}, t(`review.${name}`)), hint(name));
  const buttons = {
    accept: button('accept', 'check', 'primary'), correct: button('correct', 'edit'), none: button('none', 'none'),
    skip: button('skip', 'skip'), undo: button('undo', 'undo'),
  };
  const state = h('div', { class: 'state-box' });
  const draw = (now) => {
    fill(state, h('p', { class: 'verdict' }, sentence(now)),
      h('p', {}, badge(now), ' ', h('span', { class: 'quiet' }, confidence(now))),
      h('p', {}, now.error ?? now.reason ?? intro(now)?.reason ?? ''));
    const changed = editor.changed();
    draft.textContent = changed ? t('review.changed') : '';
    buttons.correct.classList.toggle('primary', changed);
    buttons.accept.classList.toggle('primary', !changed);
    buttons.accept.disabled = changed;
    buttons.correct.disabled = !changed;
  };
  const name = first.title || first.name;
  const title = h('h2', { class: 'name', tabindex: -1 },
    first.number !== null && h('span', { class: 'quiet' }, `${first.number}. `), name);
  const trail = h('p', { class: 'quiet name' }, `${first.series.title} · ${seasonName(first.season.number)} · `,
    h('a', { href: to('episode', first.id) }, t('result.open')));
  draw(first);
  const keys = {
    ...editor.actions,
    ...acts,
    accept: () => !buttons.accept.disabled && acts.accept(),
    correct: () => !buttons.correct.disabled && acts.correct(),
  };
  const leaveKeys = bind(keys);
  return {
    node: h('article', { class: 'desk' }, h('div', { class: 'desk-head' }, title, trail),
      h('div', { class: 'workbench' }, editor.player,
        h('aside', { class: 'panel', 'aria-label': t('episode.answer') }, state,
          h('div', { class: 'actions decide' }, Object.values(buttons)), draft, editor.list,
          h('button', { type: 'button', class: 'small', onclick: () => showKeys(Object.keys(keys)) },
            icon('help'), t('keys.title'), hint('help')),
          why(first)),
        editor.timeline)),
    laid: () => title.focus({ preventScroll: true }),
    destroy() {
      leaveKeys();
      editor.destroy();
    },
  };
}
