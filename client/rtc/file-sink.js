/**
 * Destination of a file that comes: memory while it is small, else a file on disk, in the private file system of the origin.
 * @module
 */

/** @typedef {import('../protocol/base64.js').Bytes} Bytes */

/** Larger files do not live in memory, where the browser has a file system for pages. */
const MEMORY_BYTES = 16 * 1024 * 1024;
/** Chunks that become one blob, or one write: about 4 MB. */
const CHUNKS_A_BLOB = 64;
const FOLDER = 'whisper-files';
/** The lock of a file that a window still needs; a browser lets go of it when the window ends. */
const LOCK = 'whisper-file';

/** Destination of one file under way. */
export class FileSink {
  #type;
  /** @type {Promise<Target | undefined>} */ #target;
  /** @type {Bytes[]} */ #chunks = [];
  #blob = new Blob();
  /** @type {Promise<void>} */ #writing = Promise.resolve();
  /** Bytes that have come, and are neither in a blob nor on disk yet. */
  waiting = 0;

  /**
   * @param {number} size
   * @param {string} type
   */
  constructor(size, type) {
    this.#type = type;
    this.#target = size > MEMORY_BYTES ? openTarget().catch(() => undefined) : Promise.resolve(undefined); // where there is none, in memory
  }

  /** @param {Bytes} bytes that come next */
  write(bytes) {
    this.#chunks.push(bytes);
    this.waiting += bytes.length;
    if (this.#chunks.length >= CHUNKS_A_BLOB) this.#flush();
  }

  /** @returns {Promise<Blob>} all that has come; rejects when the disk is full */
  async finish() {
    this.#flush();
    await this.#writing;
    const target = await this.#target;
    return target ? new Blob([await target.close()], { type: this.#type }) : new Blob([this.#blob], { type: this.#type });
  }

  /** Forget it. */
  discard() {
    this.#chunks = [];
    this.#blob = new Blob();
    void this.#target.then((target) => target?.abort()).catch(() => undefined);
  }

  #flush() {
    const part = new Blob(this.#chunks.splice(0));
    this.#writing = this.#writing.then(async () => {
      const target = await this.#target;
      if (target) await target.write(part);
      else this.#blob = new Blob([this.#blob, part]);
      this.waiting -= part.size;
    });
    this.#writing.catch(() => undefined); // told by `finish`
  }
}

/** A file on disk.
 * @typedef {{write: (part: Blob) => Promise<void>, close: () => Promise<File>, abort: () => Promise<void>}} Target
 */

/** @returns {Promise<Target>} */
async function openTarget() {
  const root = await navigator.storage.getDirectory();
  const folder = await root.getDirectoryHandle(FOLDER, { create: true });
  await removeLeftovers(folder);
  const name = crypto.randomUUID();
  await new Promise((resolve, reject) => {
    const hold = () => new Promise(() => resolve(undefined)); // until the window ends: what was received is read from disk
    navigator.locks.request(`${LOCK} ${name}`, hold).catch(reject);
  });
  const handle = await folder.getFileHandle(name, { create: true });
  const stream = await handle.createWritable();
  return {
    write: (part) => stream.write(part),
    close: () => stream.close().then(() => handle.getFile()),
    abort: () => stream.abort().then(() => folder.removeEntry(name)),
  };
}

/** @param {FileSystemDirectoryHandle} folder whose files of windows that have ended nobody can read any more */
async function removeLeftovers(folder) {
  const { held = [] } = await navigator.locks.query();
  const needed = new Set(held.map(({ name }) => name));
  for await (const name of /** @type {any} */ (folder).keys()) {
    if (!needed.has(`${LOCK} ${name}`)) await folder.removeEntry(name).catch(() => undefined);
  }
}
