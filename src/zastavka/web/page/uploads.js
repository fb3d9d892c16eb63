/**
 * Files on their way to the server: in parts, from where they broke off, whatever page is shown.
 * A file is known again by its name, size and date.
 */

import * as api from './api.js';
import { take } from './jobs.js';
import { t } from './texts.js';

const SMALLEST = 1 << 20;
const LARGEST = 1 << 24;
const SLOWEST = 15_000; // ms between two tries
const CHECKED = 400; // ms between two looks at what the server checks

/** @typedef {{file: File, id: string | null, sent: number, state: string, detail: string | null,
 *   rate: number}} Item  state: waiting, sending, broken, checking, ready, refused, dropped */
/** @typedef {{items: Item[], job: string | null, error: any}} Batch */

/** @type {Batch[]} */
export const batches = [];
const listeners = new Set();
const tell = () => listeners.forEach((listener) => listener());

export function watch(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The size of the next part: one that takes about a second. */
export function nextPart(size, seconds) {
  if (seconds < 0.5) return Math.min(LARGEST, size * 2);
  return seconds > 2 ? Math.max(SMALLEST, size / 2) : size;
}

const settled = (item) => ['ready', 'refused', 'dropped'].includes(item.state);
export const busy = () => batches.some((b) => b.items.some((item) => !settled(item)));

/** Seconds that a file still takes, or null while that can't be told. */
export const remaining = (item) => (item.rate ? (item.file.size - item.sent) / item.rate : null);

const key = (file) => `zastavka-upload:${file.name}|${file.size}|${file.lastModified}`;
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function keep(file, id) {
  try {
    if (id) localStorage.setItem(key(file), id);
    else localStorage.removeItem(key(file));
  } catch { /* without storage a file starts anew after a reload */ }
}

/** The upload that was begun for this file before, if the server still has it. */
async function begun(file) {
  let id = null;
  try {
    id = localStorage.getItem(key(file));
  } catch { /* see keep */ }
  if (!id) return null;
  try {
    const found = await api.upload(id);
    return found.size === file.size && found.state === 'open' ? found : null;
  } catch (problem) {
    if (problem.status === 404) return null;
    throw problem;
  }
}

/** Files that were dropped together: sent one after the other, then searched as one season. */
export async function add(files) {
  const items = [...files].map((file) => ({
    file, id: null, sent: 0, state: 'waiting', detail: null, rate: 0, stop: new AbortController(),
  }));
  const batch = { items, job: null, error: null };
  batches.unshift(batch);
  tell();
  for (const item of items) {
    if (item.state === 'waiting') await send(item);
  }
  await search(batch);
}

/** Asks for the answer to what was received; again, where that failed. */
export async function search(batch) {
  const ids = batch.items.filter((item) => item.state === 'ready').map((item) => item.id);
  if (!ids.length) return;
  batch.error = null;
  try {
    const job = await api.detect(ids);
    batch.job = job.id;
    take(job);
  } catch (problem) {
    batch.error = problem;
  }
  tell();
}

/** Takes a file back, sent or not. */
export async function drop(item) {
  item.state = 'dropped';
  item.stop.abort();
  keep(item.file, null);
  tell();
  if (item.id) await api.dropUpload(item.id).catch(() => null);
}

async function send(item) {
  let pause = 1000;
  while (item.state !== 'dropped') {
    try {
      await sendAll(item);
      return;
    } catch (problem) {
      if (item.state === 'dropped') return;
      // a break, or a server that is starting: it goes on from where it was
      const passing = problem.status === 0 || problem.status === 409 || problem.status === 429 || problem.status >= 500;
      Object.assign(item, { state: passing ? 'broken' : 'refused', detail: problem.message });
      tell();
      if (!passing) return;
      await wait(pause);
      pause = Math.min(SLOWEST, pause * 2);
    }
  }
}

async function sendAll(item) {
  const { file, stop } = item;
  if (!file.size) {
    Object.assign(item, { state: 'refused', detail: t('upload.empty') });
    tell();
    return;
  }
  const open = item.id ? await api.upload(item.id) : ((await begun(file)) ?? (await api.newUpload(file.name, file.size)));
  item.id = open.id;
  keep(file, open.id);
  Object.assign(item, { state: 'sending', sent: open.offset, detail: null });
  tell();
  let [part, now] = [SMALLEST, open];
  while (item.sent < file.size) {
    const began = performance.now();
    const end = Math.min(file.size, item.sent + part);
    now = await api.sendPart(open.id, item.sent, file.slice(item.sent, end), stop.signal);
    const took = (performance.now() - began) / 1000;
    item.rate = item.rate ? 0.7 * item.rate + (0.3 * (now.offset - item.sent)) / took : (now.offset - item.sent) / took;
    item.sent = now.offset;
    part = nextPart(part, took);
    tell();
  }
  await checked(item, now);
  keep(file, null);
}

async function checked(item, upload) {
  let now = upload;
  while (now.state === 'checking' || now.state === 'open') {
    item.state = 'checking';
    tell();
    await wait(CHECKED);
    now = await api.upload(item.id);
  }
  Object.assign(item, { state: now.state, detail: now.detail });
  tell();
}

window.addEventListener('beforeunload', (event) => busy() && event.preventDefault());
