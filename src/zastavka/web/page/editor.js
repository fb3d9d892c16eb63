/** An episode to watch and to correct: player, lanes and segments, which know of each other. */

import * as api from './api.js';
import { grade, intro } from './answer.js';
import { added, fits, intros, moved, nearest, removed, same } from './edges.js';
import { makeSegments } from './segments.js';
import { makeTimeline } from './timeline.js';
import { framesOf, makeWatching } from './watching.js';

/** How the regions of an episode look. */
export function kind(episode, changed) {
  if (changed || episode.locked) return 'locked';
  const first = intro(episode);
  return first ? grade(first, false) : 'locked';
}

/**
 * @param {any} episode
 * @param {{changed: (segments: {start: number, end: number}[]) => void}} options
 *   changed: called when an edit is complete, not while an edge is dragged
 */
export function makeEditor(episode, options) {
  const fps = framesOf(episode);
  const duration = episode.duration ?? 1;
  const state = { episode, segments: intros(episode), chosen: 0, told: intros(episode) };
  const changed = () => !same(state.segments, intros(state.episode));

  const player = makeWatching(episode);
  const show = () => {
    state.chosen = Math.max(0, Math.min(state.chosen, state.segments.length - 1));
    const look = kind(state.episode, changed());
    timeline.setSegments(state.segments, state.chosen, look);
    list.show(state.segments, state.chosen);
  };
  const set = (segments) => {
    state.segments = segments;
    show();
  };
  const done = () => {
    if (same(state.segments, state.told)) return;
    state.told = state.segments;
    options.changed(state.segments);
  };
  const select = (index) => {
    if (index === state.chosen) return;
    state.chosen = index;
    show();
  };
  const move = (index, edge, time) => {
    state.chosen = index;
    set(moved(state.segments, index, edge, time, duration, fps));
    player.pause();
    player.seek(state.segments[index][edge]);
  };
  const timeline = makeTimeline(episode, { fps, seek: (time) => player.seek(time), move, done, select });
  const list = makeSegments({
    fits: (index, edge, time) => fits(state.segments, index, edge, time, duration, fps),
    move: (index, edge, time) => {
      move(index, edge, time);
      done();
    },
    hear: (time) => player.hear(time),
    select,
    remove: (index) => {
      set(removed(state.segments, index));
      done();
    },
    add: () => editor.actions.add(),
  });
  player.onTime(timeline.setTime);
  api.curves(episode.id).then(timeline.setCurves, () => timeline.setCurves(null));

  const editor = {
    player: player.place,
    timeline: timeline.node,
    list: list.node,
    segments: () => state.segments,
    changed,
    fit: timeline.fit,
    hear: (time) => player.hear(time),
    /** The episode as it is now kept. */
    setEpisode(now) {
      Object.assign(state, { episode: now, segments: intros(now), told: intros(now) });
      show();
    },
    setSegments: set,
    actions: actions({ state, player, timeline, set, done, select, duration, fps }),
    destroy() {
      player.destroy();
      timeline.destroy();
    },
  };
  show();
  timeline.fit();
  if (state.segments.length) player.seek(state.segments[0].start);
  return editor;
}

/** What keys do in an editor, by the names of keys.js. */
function actions({ state, player, timeline, set, done, select, duration, fps }) {
  const edge = (name) => () => {
    const index = Math.max(0, nearest(state.segments, player.time()));
    if (!state.segments.length) return add();
    state.chosen = index;
    set(moved(state.segments, index, name, player.time(), duration, fps));
    return done();
  };
  const add = () => {
    const segments = added(state.segments, player.time(), duration, fps);
    if (!segments) return;
    state.chosen = segments.findIndex((s) => !state.segments.includes(s));
    set(segments);
    timeline.fit();
    done();
  };
  const hear = (name) => () => state.segments[state.chosen] && player.hear(state.segments[state.chosen][name]);
  return {
    play: player.toggle,
    back: () => player.jump(-5),
    forward: () => player.jump(5),
    secondBack: () => player.jump(-1),
    secondForward: () => player.jump(1),
    frameBack: () => player.step(-1),
    frameForward: () => player.step(1),
    setStart: edge('start'),
    setEnd: edge('end'),
    hearStart: hear('start'),
    hearEnd: hear('end'),
    zoomIn: () => timeline.zoom(2),
    zoomOut: () => timeline.zoom(0.5),
    fit: timeline.fit,
    nextSegment: () => {
      const next = (state.chosen + 1) % Math.max(1, state.segments.length);
      select(next);
      timeline.focusEdge(next, 'start');
    },
    add,
    remove: () => {
      if (!state.segments.length) return;
      set(removed(state.segments, state.chosen));
      done();
    },
  };
}
