/** Find: drop files, see how far they are, get the answer and hear its edges. */

import * as api from '../api.js';
import { fill, h } from '../dom.js';
import { filesOf } from '../dropped.js';
import { icon } from '../icons.js';
import { jobButtons, progress } from '../job.js';
import * as jobs from '../jobs.js';
import { emptyBox, fail, problemBox } from '../notes.js';
import { lasting, percent, size, t } from '../texts.js';
import * as uploads from '../uploads.js';

const SHOWN = 5; // finished searches that stay on the page

/** @param {HTMLElement} place */
export async function show(place) {
  const sending = h('div', { class: 'stack' });
  const left = h('div', { class: 'stack' });
  const answers = h('section', { class: 'stack', 'aria-label': t('find.answers') });
  fill(place,
    h('h1', { tabindex: -1 }, t('find.title')), h('p', { class: 'lead' }, t('find.lead')),
    dropZone(), sending, left, answers);

  const drawSending = () => fill(sending, uploads.batches.map(batchBox).filter(Boolean));
  const searches = new Map();
  const drawAnswers = () => {
    const mine = jobs.all().filter((job) => job.kind === 'detect' && job.state !== 'cancelled').slice(0, SHOWN);
    for (const job of mine) {
      if (!searches.has(job.id)) searches.set(job.id, search(job));
      searches.get(job.id).show(job);
    }
    const nodes = mine.map((job) => searches.get(job.id).node);
    if (!nodes.length) nodes.push(teach());
    // only what changed is moved: a node put back anew would stop its player
    if (nodes.some((node, i) => answers.children[i] !== node)) fill(answers, ...nodes);
  };
  const ends = [uploads.watch(drawSending), jobs.watch(drawAnswers)];
  drawSending();
  drawAnswers();
  unfinished(left).catch(fail);
  return () => {
    ends.forEach((end) => end());
    searches.forEach((one) => one.destroy());
  };
}

function teach() {
  return emptyBox('find', t('find.emptyTitle'), t('find.emptyText'));
}

function dropZone() {
  const input = h('input', {
    type: 'file', multiple: true, accept: 'video/*,.mkv,.ts,.m2ts,.avi', id: 'files', class: 'hidden-input',
    onchange: () => {
      uploads.add([...input.files]);
      input.value = '';
    },
  });
  const zone = h('div', { class: 'drop' }, icon('upload'),
    h('p', {}, h('strong', {}, t('find.drop'))),
    h('p', {}, input, h('label', { for: 'files', class: 'button primary' }, t('find.choose'))),
    h('p', { class: 'quiet' }, t('find.season')));
  let inside = 0;
  zone.addEventListener('dragenter', (event) => {
    event.preventDefault();
    inside += 1;
    zone.classList.add('over');
  });
  zone.addEventListener('dragleave', () => {
    inside -= 1;
    zone.classList.toggle('over', inside > 0);
  });
  zone.addEventListener('dragover', (event) => event.preventDefault());
  zone.addEventListener('drop', (event) => {
    event.preventDefault();
    inside = 0;
    zone.classList.remove('over');
    filesOf(event.dataTransfer).then((files) => files.length && uploads.add(files), fail);
  });
  return zone;
}

/** Files that were dropped together, until they are being searched. */
function batchBox(batch) {
  const items = batch.items.filter((item) => item.state !== 'dropped' && !(batch.job && item.state === 'ready'));
  if (!items.length && !batch.error) return null;
  return h('section', { class: 'card', 'aria-label': t('find.sending') },
    h('ul', { class: 'files' }, items.map(fileRow)),
    batch.error && problemBox(batch.error, () => uploads.search(batch)));
}

const remover = (name, act) =>
  h('button', { type: 'button', class: 'small plain', 'aria-label': t('upload.remove', { name }), onclick: act },
    icon('close'));

function fileRow(item) {
  const left = uploads.remaining(item);
  const line = {
    waiting: [t('upload.waiting')],
    sending: [`${size(item.sent)} / ${size(item.file.size)}`, left !== null && t('job.left', { time: lasting(left) })],
    broken: [t('upload.broken')],
    checking: [t('upload.checking')],
    ready: [t('upload.ready')],
    refused: [item.detail ?? t('upload.refused')],
  }[item.state];
  const moving = item.state === 'sending' || item.state === 'broken';
  return h('li', { class: `file ${item.state}` },
    h('div', { class: 'file-head' }, h('span', { class: 'name' }, item.file.name),
      moving && h('span', { class: 'figure' }, percent(item.file.size ? item.sent / item.file.size : 0)),
      remover(item.file.name, () => uploads.drop(item))),
    moving && h('progress', { max: item.file.size || 1, value: item.sent, 'aria-label': item.file.name }),
    item.state === 'checking' && h('progress', { max: 1, 'aria-label': item.file.name }),
    h('p', { class: 'quiet' }, line.filter(Boolean).join(' · ')));
}

/** What was begun before this page was opened: half sent, or sent and not searched. */
async function unfinished(place) {
  const [{ uploads: all }, { jobs: made }] = await Promise.all([api.uploads(), api.get('/jobs')]);
  const mine = new Set(uploads.batches.flatMap((batch) => batch.items.map((item) => item.id)));
  const searched = new Set(made.flatMap((job) => job.episodes));
  const before = all.filter((u) => !mine.has(u.id));
  const half = before.filter((u) => u.state === 'open' && u.offset > 0);
  const whole = before.filter((u) => u.state === 'ready' && !searched.has(u.episode));
  const search = async () => {
    try {
      jobs.take(await api.detect(whole.map((u) => u.id)));
      unfinished(place);
    } catch (problem) {
      fail(problem);
    }
  };
  fill(place,
    half.length > 0 && box(t('upload.begun'), t('upload.begunText'), half),
    whole.length > 0 && box(t('upload.unsearched'), null, whole,
      h('button', { type: 'button', class: 'primary', onclick: search }, icon('find'), t('upload.search'))));
}

function box(title, text, listed, ...more) {
  return h('section', { class: 'card' }, h('h2', {}, title), text && h('p', { class: 'quiet' }, text),
    h('ul', { class: 'files' }, listed.map((u) => {
      const row = h('li', { class: 'file' }, h('div', { class: 'file-head' }, h('span', { class: 'name' }, u.name),
        h('span', { class: 'figure' }, u.offset < u.size ? percent(u.offset / u.size) : size(u.size)),
        remover(u.name, () => api.dropUpload(u.id).then(() => row.remove(), fail))));
      return row;
    })), h('p', {}, more));
}

/** One search: its progress, then an answer for each episode. */
function search(job) {
  const bar = progress(job);
  const buttons = h('div', { class: 'buttons' });
  const error = h('div', {});
  const found = h('div', { class: 'results' });
  const node = h('section', { class: 'card search' },
    h('div', { class: 'search-head' }, bar.node, buttons), error, found);
  let results = [];
  let shown = '';
  return {
    node,
    async show(now) {
      bar.show(now);
      fill(buttons, jobButtons(now));
      fill(error, now.state === 'failed' && problemBox({ message: now.error ?? t('job.failed') }));
      const ids = now.state === 'done' ? now.episodes : [];
      if (ids.join() === shown) return;
      shown = ids.join();
      const { makeResult } = await import('../result.js'); // not before there is one: the first page stays small
      results = ids.map((id, index) => makeResult(id, index === 0));
      fill(found, ...results.map((r) => r.node));
    },
    destroy: () => results.forEach((r) => r.destroy()),
  };
}
