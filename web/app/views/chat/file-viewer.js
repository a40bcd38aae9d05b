/**
 * Viewer of a picture, a sound or a video in the size of the window. A file is never opened as a page of this origin.
 * @module
 */

import { dialog, element, onClick, setText } from '../dom.js';
import { preview } from './media-preview.js';

/**
 * @param {string} name
 * @param {string} type
 * @param {Blob} blob
 */
export function openFile(name, type, blob) {
  const seen = preview(blob, type, name);
  if (!seen) return;
  setText(element('viewer-name'), name);
  element('viewer').replaceChildren(seen);
  dialog('viewer-dialog').showModal();
}

/** Close the viewer by its button, and let go of what it showed. */
export function fileViewer() {
  const box = dialog('viewer-dialog');
  onClick('viewer-close', () => box.close());
  box.addEventListener('close', () => {
    for (const seen of element('viewer').querySelectorAll('img, audio, video')) URL.revokeObjectURL(seen.getAttribute('src') ?? '');
    element('viewer').replaceChildren();
  });
}
