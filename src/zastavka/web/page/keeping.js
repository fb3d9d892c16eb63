/** Saves what a person changes, one call after the other, and asks where two changed the same. */

import * as api from './api.js';
import { chooseVersion } from './conflict.js';
import { intros } from './edges.js';
import { later } from './dom.js';

const REST = 500; // ms: several key strokes on an edge are one correction

/** Changes of an episode, one after the other, each of what the one before left. */
function makeChanges(first, page) {
  let episode = first;
  let turn = Promise.resolve();
  const took = (now, by, mine) => {
    episode = now;
    page.changed(now, by, mine);
    return by !== 'theirs';
  };
  const settle = async (current, mine) => {
    if ((await chooseVersion(mine, current)) === 'theirs') return took(current, 'theirs', mine);
    return attempt(() => api.putSegments(current, mine), 'saved', () => mine);
  };
  const attempt = async (call, by, wanted) => {
    try {
      return took(await call(), by);
    } catch (problem) {
      if (problem.status === 412 && problem.current) return settle(problem.current, wanted());
      page.failed(problem);
      return false;
    }
  };
  return {
    episode: () => episode,
    /** True when it was made. `wanted`: the segments to fall back on where somebody was faster. */
    make(call, by, wanted) {
      const made = turn.then(() => attempt(() => call(episode), by, wanted));
      turn = made.catch(() => null);
      return made;
    },
  };
}

/**
 * @param {any} first  the episode as it was read
 * @param {{shown: () => {start: number, end: number}[], changed: (episode: any, by: string, mine?: any) => void,
 *   failed: (problem: any) => void}} page  by: saved, accepted, unlocked, undone, theirs;
 *   mine: what was not saved because a person left what others did
 */
export function makeKeeper(first, page) {
  const { episode, make } = makeChanges(first, page);
  const put = (segments, options) =>
    make((now) => api.putSegments(now, segments, options), 'saved', () => segments);
  const rest = later(REST, () => put(page.shown()));

  return {
    episode,
    /** Saves what is shown when the keys are at rest. */
    soon: rest.call,
    /** Saves at once what still waits. */
    flush: rest.flush,
    leave() {
      if (!rest.due) return;
      rest.cancel();
      put(page.shown(), { keepalive: true });
    },
    save(segments) {
      rest.cancel();
      return put(segments);
    },
    async accept() {
      rest.cancel();
      const shown = page.shown();
      return make(api.accept, 'accepted', () => shown);
    },
    async unlock() {
      await rest.flush();
      return make(api.unlock, 'unlocked', () => intros(episode()));
    },
    async undo() {
      await rest.flush();
      return make(api.undo, 'undone', () => intros(episode()));
    },
  };
}
