/**
 * Links in messages: http and https alone. Nothing of them is fetched before they are opened.
 * @module
 */

import { create } from '../dom.js';

const URL_LIKE = /\bhttps?:\/\/[^\s<>"'`]+/gi;
/** What ends a sentence, and no address. */
const AFTER = /[.,;:!?)\]}»”’]+$/;

/**
 * @param {string} text
 * @returns {(string | HTMLAnchorElement)[]}
 */
export function withLinks(text) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(URL_LIKE)) {
    const url = match[0].replace(AFTER, '');
    if (!URL.canParse(url)) continue;
    parts.push(text.slice(end, match.index), create('a', { href: url, target: '_blank', rel: 'noopener noreferrer' }, url));
    end = match.index + url.length;
  }
  return [...parts, text.slice(end)];
}
