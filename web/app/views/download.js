/**
 * Downloads. What a peer sent is never opened in this origin: it is bytes without a type, and saved.
 * @module
 */

import { safeFileName } from '../format.js';
import { create } from './dom.js';

/** A browser has begun to save by then. */
const SAVING_MS = 60_000;

/**
 * @param {string} name
 * @param {Blob} blob
 */
export function saveFile(name, blob) {
  const url = URL.createObjectURL(new Blob([blob], { type: 'application/octet-stream' }));
  const anchor = create('a', { href: url, download: safeFileName(name), hidden: true });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
  setTimeout(() => URL.revokeObjectURL(url), SAVING_MS);
}

/**
 * @param {string} name
 * @param {string} text
 */
export function saveText(name, text) {
  saveFile(name, new Blob([text]));
}
