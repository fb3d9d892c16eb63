/** One episode: watch, see why, move an edge; what is changed is kept at once and can be undone. */

import * as api from '../api.js';
import { badge, confidence, sentence } from '../answer.js';
import { askApply } from '../applying.js';
import { fill, h } from '../dom.js';
import { intros, shift } from '../edges.js';
import { makeEditor } from '../editor.js';
import { icon } from '../icons.js';
import { makeKeeper } from '../keeping.js';
import { bind, hint, showKeys } from '../keys.js';
import { note, problemBox } from '../notes.js';
import { to } from '../routes.js';
import { t } from '../texts.js';
import { why } from '../why.js';
import { seasonName } from './library.js';

const ANSWERED = ['found', 'review', 'none'];
const OWN = ['undo', 'accept', 'none']; // keys beside those of the editor

/** @param {HTMLElement} place @param {string} id */
export async function show(place, id) {
  const first = await api.episode(id);
  if (!first.duration) {
    fill(place, head(first), problemBox({ message: first.error ?? t('answer.failed') }));
    return null;
  }
  const began = intros(first); // what "apply to season" counts from

  const keeper = makeKeeper(first, {
    shown: () => editor.segments(),
    changed: (now, by, mine) => {
      editor.setEpisode(now);
      drawState(now);
      if (by === 'saved' || by === 'accepted') note(t(`kept.${by}`), { label: t('undo'), act: undo });
      else if (by === 'theirs') note(t('kept.theirs'), { label: t('conflict.afterAll'), act: () => keeper.save(mine) });
      else note(t(`kept.${by}`));
    },
    failed: (problem) => {
      drawState(keeper.episode());
      // what was not saved is still on the page
      const again = { label: t('again'), act: () => keeper.save(editor.segments()) };
      note([problem.message, problem.hint].filter(Boolean).join(' '), editor.changed() ? again : undefined, 'bad');
    },
  });
  const editor = makeEditor(first, { changed: () => {
    saving.textContent = t('kept.soon');
    keeper.soon();
  } });
  const undo = () => canUndo(keeper.episode()) && keeper.undo();
  const saving = h('span', { class: 'quiet', role: 'status' });
  const state = h('div', { class: 'state-box' });
  const reasons = h('div', {});
  const actions = makeActions(keeper, editor, undo, () => apply(keeper, began));
  const drawState = (now) => {
    saving.textContent = '';
    fill(state, h('p', { class: 'verdict' }, sentence(now)),
      h('p', {}, badge(now), ' ',
        h('span', { class: 'quiet' }, now.locked ? t('answer.lockedText') : confidence(now)), ' ', saving));
    fill(reasons, why(now));
    actions.show(now);
  };
  fill(place, head(first),
    h('div', { class: 'workbench' },
      editor.player,
      h('aside', { class: 'panel', 'aria-label': t('episode.answer') }, state, editor.list, actions.node, reasons),
      editor.timeline));
  drawState(first);
  const leaveKeys = bind({ ...editor.actions, undo, accept: () => actions.accept(), none: () => actions.none() });
  const leave = () => keeper.leave();
  window.addEventListener('pagehide', leave);
  return () => {
    leave();
    window.removeEventListener('pagehide', leave);
    leaveKeys();
    editor.destroy();
  };
}

function head(episode) {
  const step = (id, sign, text) =>
    id ? h('a', { class: 'button round', href: to('episode', id), 'aria-label': text, title: text }, icon(sign))
      : h('span', { class: 'button round off', 'aria-hidden': 'true' }, icon(sign));
  return h('div', { class: 'head' },
    h('nav', { class: 'trail', 'aria-label': t('trail') },
      h('a', { href: to('library') }, t('library.title')), h('span', { 'aria-hidden': 'true' }, '/'),
      h('a', { class: 'name', href: to('season', episode.season.id) },
        `${episode.series.title} · ${seasonName(episode.season.number)}`)),
    h('div', { class: 'page-head' },
      h('h1', { tabindex: -1 },
        episode.number !== null && h('span', { class: 'quiet' }, `${episode.number}. `),
        h('span', { class: 'name' }, episode.title || episode.name)),
      h('span', { class: 'buttons' },
        step(episode.previous, 'previous', t('episode.previous')),
        step(episode.next, 'next', t('episode.next')))),
    !episode.name.startsWith(episode.title) && h('p', { class: 'quiet file-name name' }, episode.name));
}

const canUndo = (episode) => episode.history.some((step) => !step.undone);

function makeActions(keeper, editor, undo, apply) {
  const button = (sign, text, act, key, kind = '') =>
    h('button', { type: 'button', class: kind, onclick: act }, icon(sign), h('span', {}, text), key && hint(key));
  const accept = () => ANSWERED.includes(keeper.episode().state) && keeper.accept();
  const none = () => {
    editor.setSegments([]);
    return keeper.save([]);
  };
  const parts = {
    accept: button('check', t('episode.accept'), accept, 'accept', 'primary'),
    none: button('none', t('episode.none'), none, 'none'),
    undo: button('undo', t('undo'), undo, 'undo'),
    unlock: button('unlock', t('episode.unlock'), () => keeper.unlock()),
    apply: button('spread', t('episode.apply'), apply),
    keys: button('help', t('keys.title'), () => showKeys([...Object.keys(editor.actions), ...OWN]), 'help'),
  };
  return {
    node: h('div', { class: 'actions' }, Object.values(parts)),
    accept,
    none,
    show(now) {
      const found = now.segments.some((s) => s.type === 'intro');
      parts.accept.hidden = now.locked || !ANSWERED.includes(now.state);
      parts.none.disabled = now.locked && !found;
      parts.undo.disabled = !canUndo(now);
      parts.unlock.hidden = !now.locked;
      parts.apply.hidden = !found;
    },
  };
}

async function apply(keeper, began) {
  await keeper.flush();
  const episode = keeper.episode();
  const season = await api.season(episode.season.id);
  const done = await askApply(season, episode, shift(began, intros(episode)));
  if (done) note(t('apply.done', { n: done }));
}
