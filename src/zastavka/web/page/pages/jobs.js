/** Jobs: what runs, what waits, what is done; a scan of a folder can be started. */

import * as api from '../api.js';
import { fill, h } from '../dom.js';
import { icon } from '../icons.js';
import { jobButtons, progress } from '../job.js';
import * as jobs from '../jobs.js';
import { emptyBox, fail, note, problemBox } from '../notes.js';
import { to } from '../routes.js';
import { moment, t } from '../texts.js';

const SHOWN = 50;

/** @param {HTMLElement} place */
export async function show(place) {
  const [{ roots }, { jobs: listed }] = await Promise.all([api.roots(), api.get('/jobs')]);
  listed.forEach(jobs.take);
  const list = h('ul', { class: 'jobs' });
  const rows = new Map();
  const draw = () => {
    const shown = jobs.all().slice(0, SHOWN);
    for (const job of shown) {
      if (!rows.has(job.id)) rows.set(job.id, jobRow(job));
      rows.get(job.id).show(job);
    }
    const nodes = shown.map((job) => rows.get(job.id).node);
    if (!nodes.length) fill(list, h('li', {}, emptyBox('jobs', t('jobs.emptyTitle'), t('jobs.emptyText'))));
    else if (nodes.some((node, i) => list.children[i] !== node)) fill(list, ...nodes);
  };
  fill(place, h('h1', { tabindex: -1 }, t('jobs.title')), scans(roots), list);
  draw();
  return jobs.watch(draw);
}

function scans(roots) {
  const folders = roots.filter((root) => root.id !== 'uploads' && root.name !== 'uploads');
  if (!folders.length) {
    return h('section', { class: 'card' }, h('p', {}, t('jobs.noRoots')),
      h('pre', {}, h('code', {}, 'zastavka serve Series/')));
  }
  const start = (root) => async (event) => {
    const button = event.currentTarget;
    button.disabled = true;
    try {
      jobs.take(await api.scan(root.id));
      note(t('jobs.started', { name: root.name }));
    } catch (problem) {
      fail(problem);
    }
    button.disabled = false;
  };
  return h('section', { class: 'card' }, h('h2', {}, t('jobs.folders')), h('p', { class: 'quiet' }, t('jobs.scanText')),
    h('ul', { class: 'roots' }, folders.map((root) => h('li', {},
      icon('folder'), h('span', { class: 'name' }, root.name),
      h('button', { type: 'button', onclick: start(root) },
        t('jobs.scan'), h('span', { class: 'unseen' }, ` ${root.name}`))))));
}

const found = (ids) =>
  h('p', { class: 'quiet' }, t('jobs.episodes', { n: ids.length }), ' ',
    h('a', { href: ids.length === 1 ? to('episode', ids[0]) : to('library') }, t('jobs.look')));

const KINDS = ['scan', 'detect', 'proxy'];

function jobRow(job) {
  const bar = progress(job);
  const buttons = h('div', { class: 'buttons' });
  const extra = h('div', {});
  const node = h('li', { class: 'card job' });
  const head = h('div', { class: 'job-head' },
    h('strong', {}, KINDS.includes(job.kind) ? t(`kind.${job.kind}`) : job.kind),
    h('span', { class: 'quiet' }, moment(job.created)), h('span', { class: 'grow' }), buttons);
  fill(node, head, bar.node, extra);
  let shown = '';
  return {
    node,
    show(now) {
      bar.show(now);
      node.className = `card job ${now.state}`;
      if (shown === now.state) return;
      shown = now.state;
      fill(buttons, jobButtons(now));
      fill(extra, now.error && problemBox({ message: now.error }),
        now.state === 'done' && now.episodes.length > 0 && found(now.episodes));
    },
  };
}
