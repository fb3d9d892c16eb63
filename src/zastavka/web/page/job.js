/** A job on the page: how far it is, what it does, and how long it still takes. */

import * as api from './api.js';
import { fill, h } from './dom.js';
import { isOpen, take } from './jobs.js';
import { fail } from './notes.js';
import { lasting, moment, percent, t } from './texts.js';

/** What a job does now, as parts of a line. */
function doing(job) {
  if (job.state === 'queued') return [t('job.queued')];
  if (job.state !== 'running') return [t(`job.${job.state}`), job.ended && moment(job.ended)].filter(Boolean);
  return [job.stage, job.file, job.eta !== null && t('job.left', { time: lasting(job.eta) })].filter(Boolean);
}

/** A bar with a line under it. */
export function progress(job) {
  const bar = h('progress', { max: 1, 'aria-label': t('job.progress') });
  const share = h('span', { class: 'figure' });
  const line = h('p', { class: 'quiet job-line' });
  const show = (now) => {
    if (now.state === 'queued') bar.removeAttribute('value');
    else bar.value = now.state === 'done' ? 1 : now.progress;
    share.textContent = now.state === 'running' ? percent(now.progress) : '';
    fill(line, doing(now).join(' · '));
    bar.hidden = !isOpen(now);
    share.hidden = bar.hidden;
  };
  show(job);
  return { node: h('div', { class: 'progress' }, h('div', { class: 'bar-line' }, bar, share), line), show };
}

/** Cancel or retry, whichever makes sense. */
export function jobButtons(job) {
  const act = (call) => async (event) => {
    event.target.disabled = true;
    try {
      take(await call(job.id));
    } catch (problem) {
      fail(problem);
      event.target.disabled = false;
    }
  };
  if (isOpen(job)) return h('button', { type: 'button', class: 'small', onclick: act(api.cancel) }, t('job.cancel'));
  if (job.state === 'done') return null;
  return h('button', { type: 'button', class: 'small', onclick: act(api.retry) }, t('job.retry'));
}
