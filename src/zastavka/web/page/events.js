/**
 * Server-sent events read by fetch, not by EventSource: that one can't say which language it wants.
 */

/** Events out of text that comes in pieces: feed it, and take what is complete. */
export function eventParser() {
  let rest = '';
  return (text) => {
    rest += text;
    const parts = rest.split(/\r\n\r\n|\n\n|\r\r/);
    rest = parts.pop();
    return parts.map(readEvent).filter((event) => event.data !== '');
  };
}

function readEvent(block) {
  const event = { name: 'message', data: '' };
  const data = [];
  for (const line of block.split(/\r\n|\n|\r/)) {
    const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line);
    if (field === 'event') event.name = value;
    if (field === 'data') data.push(value);
  }
  event.data = data.join('\n');
  return event;
}

/** Reads a stream until it breaks. @param {(event: {name: string, data: string}) => void} take */
export async function read(response, take) {
  const parse = eventParser();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    parse(value).forEach(take);
  }
}
