/**
 * Previews of files that have come: pictures, sound and video of types in which no script can be.
 * @module
 */

import { PICTURES, SOUNDS, VIDEOS } from '../../format.js';
import { create } from '../dom.js';

/**
 * @param {Blob} blob
 * @param {string} type as the sender says it
 * @param {string} name
 * @returns {HTMLElement | null} null when there is nothing to be seen or heard
 */
export function preview(blob, type, name) {
  const tag = PICTURES.includes(type) ? 'img' : SOUNDS.includes(type) ? 'audio' : VIDEOS.includes(type) ? 'video' : null;
  if (!tag) return null;
  const src = URL.createObjectURL(new Blob([blob], { type }));
  return tag === 'img' ? create('img', { class: 'preview', src, alt: name }) : create(tag, { class: 'preview', src, controls: true, 'aria-label': name });
}
