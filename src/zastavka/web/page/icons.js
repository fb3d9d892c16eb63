/** Icons of our own: strokes on a field of 20 by 20. */

import { svg } from './dom.js';

const PATHS = {
  find: 'M9 3a6 6 0 1 0 0 12A6 6 0 0 0 9 3zM13.5 13.5 17.5 17.5',
  library: 'M3 4h4v12H3zM7 4h4v12H7zM12.2 4.8l3.6-1 2.7 11.8-3.6 1z',
  review: 'M3 5.5l1.5 1.5L7 4M3 13.5 4.5 15 7 12M10 5.5h7M10 13.5h7',
  jobs: 'M10 3a7 7 0 1 0 7 7M10 6v4l3 2M14 3.5l3.5.5-.5 3',
  exports: 'M10 3v9M6.5 8.5 10 12l3.5-3.5M3.5 13v3.5h13V13',
  play: 'M6 4l10 6-10 6z',
  pause: 'M7 4v12M13 4v12',
  back: 'M16 4 8 10l8 6zM4.5 4v12',
  forward: 'M4 4l8 6-8 6zM15.5 4v12',
  frameback: 'M12.5 5 7.5 10l5 5',
  frameforward: 'M7.5 5l5 5-5 5',
  lock: 'M5 9h10v7.5H5zM7 9V6.5a3 3 0 0 1 6 0V9',
  unlock: 'M5 9h10v7.5H5zM7 9V6.5a3 3 0 0 1 5.8-1',
  undo: 'M4 8h8a4 4 0 0 1 0 8H7M7 4.5 3.5 8 7 11.5',
  plus: 'M10 4v12M4 10h12',
  remove: 'M4 6h12M8 6V4h4v2M6 6l.7 10.5h6.6L14 6',
  light: 'M10 6.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM10 2v2M10 16v2M2 10h2M16 10h2M4.3 4.3l1.5 1.5M14.2 14.2l1.5 1.5M4.3 15.7l1.5-1.5M14.2 5.8l1.5-1.5',
  dark: 'M16 12.5A7 7 0 0 1 7.5 4a6.5 6.5 0 1 0 8.5 8.5z',
  auto: 'M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM10 3v14M12 5v10M14 6.5v7',
  help: 'M7.5 7.5a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1 .8-1 1.7M10 14.5v.1M10 2.5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15z',
  warning: 'M10 3 2.5 16.5h15zM10 8v4M10 14.2v.1',
  check: 'M4 10.5 8.5 15 16 5.5',
  close: 'M5 5l10 10M15 5 5 15',
  upload: 'M10 13V4M6.5 7.5 10 4l3.5 3.5M3.5 13v3.5h13V13',
  zoomin: 'M9 3a6 6 0 1 0 0 12A6 6 0 0 0 9 3zM13.5 13.5l4 4M9 6.5v5M6.5 9h5',
  zoomout: 'M9 3a6 6 0 1 0 0 12A6 6 0 0 0 9 3zM13.5 13.5l4 4M6.5 9h5',
  fit: 'M3 10h14M6 7l-3 3 3 3M14 7l3 3-3 3',
  sound: 'M3.5 8v4H6l4 3.5v-11L6 8zM13 7.5a3.5 3.5 0 0 1 0 5M15 5a7 7 0 0 1 0 10',
  mute: 'M3.5 8v4H6l4 3.5v-11L6 8zM13 8l4 4M17 8l-4 4',
  folder: 'M2.5 5.5V16h15V7H10L8.5 5.5z',
  previous: 'M12.5 4.5 7 10l5.5 5.5',
  next: 'M7.5 4.5 13 10l-5.5 5.5',
  spread: 'M3 5h14M3 10h9M3 15h5M14 9v6M11.5 12.5 14 15l2.5-2.5',
  skip: 'M4 5l6 5-6 5M10 5l6 5-6 5',
  none: 'M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM5 5l10 10',
  edit: 'M4 16l.7-3.2L13.5 4 16 6.5 7.2 15.3z',
};

/** @param {keyof typeof PATHS} name */
export function icon(name) {
  const path = svg('path', { d: PATHS[name] });
  return svg('svg', { viewBox: '0 0 20 20', class: `icon icon-${name}`, 'aria-hidden': 'true' }, path);
}
