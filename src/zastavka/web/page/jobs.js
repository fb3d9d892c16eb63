/** All jobs as the server tells of them, for every page at once, over one connection. */

import { read } from './events.js';
import { language } from './texts.js';

const SLOWEST = 10_000; // ms between two tries

/** @type {Map<string, any>} */
const known = new Map();
const listeners = new Set();
let stop = null;

const OPEN = ['queued', 'running'];
export const isOpen = (job) => OPEN.includes(job.state);

const rank = (job) => (job.state === 'running' ? 0 : job.state === 'queued' ? 1 : 2);

/** What runs, then what waits, then what is done; the newest first in each. */
export const sorted = (jobs) =>
  [...jobs].sort((a, b) => rank(a) - rank(b) || (a.created < b.created ? 1 : a.created > b.created ? -1 : 0));

export const all = () => sorted(known.values());
export const one = (id) => known.get(id) ?? null;

/** Calls `listener` with a job whenever one changes. @returns {() => void} ends it */
export function watch(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** @param {any} job */
export function take(job) {
  known.set(job.id, job);
  listeners.forEach((listener) => listener(job));
}

/** Ends with the state a job ends with. */
export function ended(id) {
  return new Promise((resolve) => {
    const look = (job) => {
      if (job?.id !== id || isOpen(job)) return;
      end();
      resolve(job);
    };
    const end = watch(look);
    look(one(id));
  });
}

async function follow(signal) {
  let pause = 500;
  while (!signal.aborted) {
    try {
      const headers = { Accept: 'text/event-stream', 'Accept-Language': language() };
      const response = await fetch('/api/v1/events', { headers, signal });
      if (response.status === 401) return;
      if (response.ok) {
        pause = 500;
        await read(response, (event) => event.name === 'job' && take(JSON.parse(event.data)));
      }
    } catch (error) {
      if (signal.aborted) return;
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(SLOWEST, pause * 2);
  }
}

/** (Re)connects, in the language of now. A hidden tab lets go of its connection. */
export function connect() {
  disconnect();
  if (document.hidden) return;
  stop = new AbortController();
  follow(stop.signal);
}

export function disconnect() {
  stop?.abort();
  stop = null;
}

document.addEventListener('visibilitychange', () => (document.hidden ? disconnect() : connect()));
