/** Which page an address means. */

const PAGES = ['find', 'library', 'season', 'episode', 'review', 'jobs', 'exports'];

/** @param {string} hash @returns {{page: string, id: string | null}} */
export function route(hash) {
  const [page, id] = hash.replace(/^#\/?/, '').split('/');
  if (!PAGES.includes(page)) return { page: 'find', id: null };
  const known = id && /^[a-z0-9]{8,32}$/.test(id) ? id : null;
  if ((page === 'season' || page === 'episode') && !known) return { page: 'library', id: null };
  return { page, id: known };
}

export const to = (page, id) => (id ? `#/${page}/${id}` : `#/${page}`);

/** The entry of the menu that a page belongs to. */
export const entry = (page) => (page === 'season' || page === 'episode' ? 'library' : page);
