/** The files of what somebody dropped: single ones, or folders with all that lies in them. */

const VIDEO = /\.(mkv|mp4|m4v|mov|avi|webm|ts|m2ts|mts|mpg|mpeg|wmv|flv|ogv|3gp)$/i;

/** Of a folder only videos are taken; a file by itself is left for the server to judge. */
const isVideo = (name) => VIDEO.test(name);

/** @param {DataTransfer} data @returns {Promise<File[]>} by name */
export async function filesOf(data) {
  // entries must be asked for at once: the list is gone when the event is over
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return [...data.files];
  const found = await Promise.all(entries.map((entry) => below(entry, !entry.isDirectory)));
  return found.flat().sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
}

async function below(entry, asked) {
  if (entry.isFile) {
    return asked || isVideo(entry.name) ? [await new Promise((got, not) => entry.file(got, not))] : [];
  }
  const reader = entry.createReader();
  const inside = [];
  for (;;) {
    // a folder is read in parts; an empty one is the end
    const part = await new Promise((got, not) => reader.readEntries(got, not));
    if (!part.length) break;
    inside.push(...part);
  }
  return (await Promise.all(inside.map((one) => below(one, false)))).flat();
}
