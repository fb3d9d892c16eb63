/** Starts the app: language, session, menu, and the page that the address names. */

import * as api from './api.js';
import { fill, h } from './dom.js';
import * as jobs from './jobs.js';
import { makeMenu } from './menu.js';
import { fail, notesPlace, problemBox } from './notes.js';
import { route } from './routes.js';
import { load, t } from './texts.js';

const app = document.getElementById('app');
const main = h('main', { id: 'main', tabindex: -1 });
let leave = null; // what the page that is shown wants done when it goes
let turn = 0;
let menu = null;
const SLOW = 400; // ms after which a page that is not there yet says that it comes

const modules = {
  find: () => import('./pages/find.js'),
  library: () => import('./pages/library.js'),
  season: () => import('./pages/season.js'),
  episode: () => import('./pages/episode.js'),
  review: () => import('./pages/review.js'),
  jobs: () => import('./pages/jobs.js'),
  exports: () => import('./pages/exports.js'),
};

async function show() {
  turn += 1;
  const mine = turn;
  const { page, id } = route(location.hash);
  leave?.();
  leave = null;
  menu.here(page);
  const place = h('div', { class: `page page-${page}` });
  fill(main, place);
  setTimeout(() => place.hasChildNodes() || fill(place, h('p', { class: 'quiet', role: 'status' }, t('loading'))), SLOW);
  try {
    const module = await modules[page]().catch(() => {
      throw api.unreachable();
    });
    const left = await module.show(place, id);
    if (mine !== turn) return left?.();
    leave = left ?? null;
  } catch (problem) {
    // a module that could not be fetched is asked for again only by a page that is loaded anew
    if (mine === turn) fill(place, problemBox(problem, problem.status ? show : () => location.reload()));
  }
  const title = place.querySelector('h1');
  document.title = title ? `${title.textContent} – zastavka` : 'zastavka';
  return undefined;
}


async function start() {
  const session = await api.session();
  if (session.token_required && !session.signed_in) return askToken();
  menu?.destroy();
  menu = makeMenu({ version: session.version, changed: again, canSignOut: session.token_required });
  fill(app, h('a', { class: 'skip', href: '#main', onclick: (event) => {
    event.preventDefault();
    main.focus();
  } }, t('skip')), menu.node, main, notesPlace());
  jobs.connect();
  return show();
}

async function askToken() {
  if (app.querySelector('#token')) return; // several calls may be refused at once
  jobs.disconnect();
  const { show: signIn } = await import('./pages/signin.js');
  signIn(app, again);
}

/** Everything anew: after a change of language, or of who is signed in. */
async function again(language) {
  try {
    leave?.();
    leave = null;
    await load(language);
    await start();
  } catch (problem) {
    fill(app, h('main', { class: 'alone' }, problemBox(problem, () => again(language))));
  }
}

window.addEventListener('hashchange', () => {
  if (!menu) return;
  show().then(() => main.querySelector('h1')?.focus());
});
window.addEventListener('signedout', askToken);
window.addEventListener('unhandledrejection', (event) => {
  if (event.reason instanceof api.Problem) {
    event.preventDefault();
    fail(event.reason);
  }
});
again();
