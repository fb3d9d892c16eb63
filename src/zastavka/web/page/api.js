/** Calls of the server. What goes wrong is a `Problem`, which pages can show as it is. */

import { language, t } from './texts.js';

const BASE = '/api/v1';

/** An answer that is an error: what happened, and what helps, in the reader's language. */
export class Problem extends Error {
  /** @param {number} status  0 where the server did not answer at all @param {any} body */
  constructor(status, body) {
    super(body.detail || body.title || t('problem.unknown'));
    this.status = status;
    this.hint = body.hint ?? null;
    this.current = body.current ?? null;
  }
}

export const unreachable = () =>
  new Problem(0, { detail: t('problem.network'), hint: t('problem.networkHint') });

/**
 * @param {string} method @param {string} path  below /api/v1
 * @param {{json?: any, raw?: Blob, version?: string, headers?: Record<string, string>,
 *   signal?: AbortSignal, keepalive?: boolean}} [options]  version: what is changed, as it was seen
 */
export async function call(method, path, options = {}) {
  const { json, raw, version, signal, keepalive } = options;
  const headers = { 'Accept-Language': language(), Accept: 'application/json', ...options.headers };
  if (version !== undefined) headers['If-Match'] = `"${version}"`;
  if (raw) headers['Content-Type'] = 'application/octet-stream';
  else if (method !== 'GET') headers['Content-Type'] = 'application/json';
  const body = raw ?? (json === undefined ? undefined : JSON.stringify(json));
  let response;
  try {
    response = await fetch(BASE + path, { method, headers, body, signal, keepalive });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw unreachable();
  }
  return answer(response, path);
}

async function answer(response, path) {
  const text = await response.text();
  let body = {};
  try {
    body = text ? JSON.parse(text) : {};
  } catch {
    body = { detail: t('problem.unknown') };
  }
  if (response.ok) return body;
  if (response.status === 401 && path !== '/session') window.dispatchEvent(new Event('signedout'));
  throw new Problem(response.status, body);
}

export const get = (path, options) => call('GET', path, options);
const post = (path, json, options = {}) => call('POST', path, { json: json ?? {}, ...options });

const address = (kind, id, rest = '') => `/${kind}/${encodeURIComponent(id)}${rest}`;
const query = (values) => `?${new URLSearchParams(values)}`;

export const session = () => get('/session');
export const signIn = (token) => post('/session', { token });
export const series = () => get('/series');
export const season = (id) => get(address('seasons', id));
export const episode = (id) => get(address('episodes', id));
export const curves = (id) => get(address('episodes', id, '/curves'));
export const review = (limit) => get(`/review${query({ limit })}`);
export const roots = () => get('/roots');
export const formats = () => get('/formats');

export const peaks = (id, { start, end, bins }) =>
  get(address('episodes', id, `/peaks${query({ start, end, bins })}`));

export const filmstrip = (id, { start, end, count, height }) =>
  BASE + address('episodes', id, `/filmstrip${query({ start, end, count, height })}`);

export const video = (id) => BASE + address('episodes', id, '/video');
export const proxy = (id) => post(address('episodes', id, '/proxy'));

/** @param {{id: string, version: string}} episode */
export const putSegments = (episode, segments, options = {}) =>
  call('PUT', address('episodes', episode.id, '/segments'), {
    json: { segments },
    version: episode.version,
    ...options,
  });
export const unlock = (episode) =>
  call('DELETE', address('episodes', episode.id, '/segments'), { version: episode.version });
export const accept = (episode) =>
  post(address('episodes', episode.id, '/accept'), {}, { version: episode.version });
export const undo = (episode) =>
  post(address('episodes', episode.id, '/undo'), {}, { version: episode.version });
export const apply = (seasonId, change) => post(address('seasons', seasonId, '/apply'), change);

export const scan = (root) => post('/jobs', { kind: 'scan', root });
export const detect = (uploads) => post('/jobs', { kind: 'detect', uploads });
export const cancel = (id) => post(address('jobs', id, '/cancel'));
export const retry = (id) => post(address('jobs', id, '/retry'));

export const uploads = () => get('/uploads');
export const upload = (id) => get(address('uploads', id));
export const newUpload = (name, size) => post('/uploads', { name, size });
export const dropUpload = (id) => call('DELETE', address('uploads', id));
export const sendPart = (id, offset, raw, signal) =>
  call('PUT', address('uploads', id), { raw, signal, headers: { 'Upload-Offset': String(offset) } });

export const exported = (kind, id, format) => BASE + address(kind, id, `/export${query({ format })}`);
export const writeBeside = (id, names) => post(address('seasons', id, '/export'), { formats: names });
