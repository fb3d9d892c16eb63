/** Elements made without markup: what is given as text stays text, whatever it holds. */

const SVG = 'http://www.w3.org/2000/svg';

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * @param {Element} node
 * @param {Record<string, unknown>} props  attributes; `onclick` and the like are listeners
 * @param {(Child | Child[])[]} children
 */
function build(node, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === 'function') node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : String(value));
  }
  node.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
  return node;
}

/** An HTML element. @returns {any} */
export const h = (tag, props = {}, ...children) =>
  build(document.createElement(tag), props, children);

/** An SVG element. @returns {any} */
export const svg = (tag, props = {}, ...children) =>
  build(document.createElementNS(SVG, tag), props, children);

/** What the children of a node are from now on. @param {Element} node @param {...Child} children */
export function fill(node, ...children) {
  node.replaceChildren(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
  return node;
}

/** The colour that a CSS variable stands for here and now, for a canvas. */
export function colour(node, variable) {
  const probe = h('i', { hidden: true });
  probe.style.color = `var(${variable})`;
  node.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

/** Calls `act` once, `ms` after the last call. `flush` does it at once if it was due. */
export function later(ms, act) {
  let timer = 0;
  const run = () => {
    timer = 0;
    return act();
  };
  return {
    call() {
      clearTimeout(timer);
      timer = setTimeout(run, ms);
    },
    flush() {
      if (!timer) return undefined;
      clearTimeout(timer);
      return run();
    },
    cancel() {
      clearTimeout(timer);
      timer = 0;
    },
    get due() {
      return timer !== 0;
    },
  };
}
