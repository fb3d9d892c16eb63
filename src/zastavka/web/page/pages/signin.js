/** Sign in with the token that the server printed when it started. */

import * as api from '../api.js';
import { fill, h } from '../dom.js';
import { problemBox } from '../notes.js';
import { t } from '../texts.js';

/** @param {HTMLElement} app @param {() => void} done */
export function show(app, done) {
  const error = h('div', {});
  const token = h('input', { type: 'password', id: 'token', autocomplete: 'current-password', required: true, spellcheck: 'false' });
  const form = h('form', { class: 'card', onsubmit: async (event) => {
    event.preventDefault();
    try {
      await api.signIn(token.value.trim());
      done();
    } catch (problem) {
      fill(error, problemBox(problem));
      token.select();
    }
  } }, h('label', { for: 'token' }, t('signin.token')), token, h('p', { class: 'quiet' }, t('signin.text')), error,
  h('button', { class: 'primary' }, t('signin.go')));
  fill(app, h('main', { class: 'alone' }, h('h1', {}, h('span', { class: 'mark', 'aria-hidden': 'true' }), 'zastavka'), form));
  document.title = 'zastavka';
  token.focus();
}
