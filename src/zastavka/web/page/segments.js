/** The segments as a list: times to type, edges to hear. */

import { fill, h } from './dom.js';
import { icon } from './icons.js';
import { seconds, t } from './texts.js';
import { before, clock, parseClock } from './time.js';

/**
 * @param {{move: (index: number, edge: string, time: number) => void, hear: (time: number) => void,
 *   select: (index: number) => void, remove: (index: number) => void, add: () => void}} act
 */
export function makeSegments(act) {
  const rows = h('ol', { class: 'segments' });
  const empty = h('p', { class: 'quiet' }, t('segments.none'));
  const add = h('button', { type: 'button', class: 'small', onclick: act.add }, icon('plus'), t('segments.add'));
  /** @type {ReturnType<typeof makeRow>[]} */
  let made = [];
  return {
    node: h('div', { class: 'segment-list' }, empty, rows, add),
    show(segments, chosen) {
      empty.hidden = segments.length > 0;
      if (made.length !== segments.length) {
        made = segments.map((_, index) => makeRow(index, segments.length, act));
        fill(rows, ...made.map((row) => row.node));
      }
      made.forEach((row, index) => row.show(segments[index], index === chosen && segments.length > 1));
    },
  };
}

function makeRow(index, of, act) {
  const name = of > 1 ? t('edge.intro', { n: index + 1 }) : t('edge.one');
  const length = h('span', { class: 'quiet' });
  const edges = ['start', 'end'].map((edge) => {
    const input = h('input', {
      class: 'time', inputmode: 'decimal', autocomplete: 'off',
      'aria-label': of > 1 ? t(`edge.${edge}Of`, { n: index + 1 }) : t(`edge.${edge}`),
      onfocus: () => act.select(index),
      onchange: () => {
        const time = parseClock(input.value);
        // what an edge can't be is refused, not bent: a slip must not become somebody's word
        const fits = time !== null && act.fits(index, edge, time);
        input.setAttribute('aria-invalid', String(!fits));
        if (fits) act.move(index, edge, time);
      },
      onkeydown: (event) => event.key === 'Escape' && input.blur(),
    });
    let shown = 0;
    const hear = h('button', {
      type: 'button', class: 'small', onclick: () => act.hear(shown), title: t(`segments.hear.${edge}`),
      'aria-label': t(`segments.hear.${edge}`),
    }, icon('play'), h('span', {}));
    return {
      node: h('div', { class: 'edge' }, h('span', { class: 'edge-name' }, t(`segments.${edge}`)), input, hear),
      show(time) {
        shown = time;
        if (document.activeElement !== input || input.getAttribute('aria-invalid') !== 'true') input.value = clock(time, 2);
        input.setAttribute('aria-invalid', 'false');
        hear.lastChild.textContent = clock(before(time), 0);
      },
    };
  });
  const remove = h('button', {
    type: 'button', class: 'small', onclick: () => act.remove(index),
    title: t('segments.remove'), 'aria-label': `${t('segments.remove')}: ${name}`,
  }, icon('remove'));
  const node = h('li', {},
    h('div', { class: 'segment-head' }, h('strong', {}, name), length, h('span', { class: 'grow' }), remove),
    ...edges.map((edge) => edge.node));
  return {
    node,
    show(segment, chosen) {
      node.classList.toggle('chosen', chosen);
      length.textContent = seconds(segment.end - segment.start);
      edges[0].show(segment.start);
      edges[1].show(segment.end);
    },
  };
}
