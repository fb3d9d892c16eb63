/** Saves what a person changes, one call after the other, and asks where two changed the same. */

import * as api from './api.js';
import { chooseVersion } from './conflict.js';
import { intros } from './edges.js';
import { later } from './dom.js';

const REST = 500; // ms: several key strokes on an edge are one correction

/**
 * @param {any} first  the episode as it was read
 * @param {{shown: () => {start: number, end: number}[], changed: (episode: any, by: string, mine?: any) => void,
 *   failed: (problem: any) => void}} page  by: saved, accepted, unlocked, undone, theirs;
 *   mine: what was not saved because a person left what others did
 */
export function makeKeeper(first, page) {
  let episode = first;
  let turn = Promise.resolve();

  const took = (now, by, mine) => {
    episode = now;
    page.changed(now, by, mine);
    return true;
  };
  /** Runs a change after those before it. True when it was made. */
  const change = (call, by, wanted) => {
    const run = async () => {
      try {
        return took(await call(episode), by);
      } catch (problem) {
        if (problem.status !== 412 || !problem.current) {
          page.failed(problem);
          return false;
        }
        return settle(problem.current, wanted());
      }
    };
    const next = turn.then(run);
    turn = next.catch(() => null);
    return next;
  };
  const settle = async (current, mine) => {
    const choice = await chooseVersion(mine, current);
    if (choice === 'theirs') {
      took(current, 'theirs', mine);
      return false;
    }
    try {
      return took(await api.putSegments(current, mine), 'saved');
    } catch (problem) {
      if (problem.status === 412 && problem.current) return settle(problem.current, mine);
      page.failed(problem);
      return false;
    }
  };
  const put = (segments, options) =>
    change((now) => api.putSegments(now, segments, options), 'saved', () => segments);
  const rest = later(REST, () => put(page.shown()));

  return {
    episode: () => episode,
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
      return change(api.accept, 'accepted', () => shown);
    },
    async unlock() {
      await rest.flush();
      return change(api.unlock, 'unlocked', () => intros(episode));
    },
    async undo() {
      await rest.flush();
      return change(api.undo, 'undone', () => intros(episode));
    },
  };
}
