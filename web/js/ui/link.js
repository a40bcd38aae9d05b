/**
 * Links to a person: the address is in the fragment, which no server sees.
 * @module
 */

import { isAddress } from '../protocol.js';

const ANSWER = 'answer=';

/**
 * Return the link that lets whoever opens it ring an address.
 * @param {string} address
 */
export function linkTo(address) {
  return `${new URL('./', location.href).href}#${encodeURIComponent(address)}`;
}

/** @returns {{address: string | null, isAnswer: boolean}} whom the page was opened for; `isAnswer` by a notification */
export function readLink() {
  const fragment = location.hash.slice(1);
  const isAnswer = fragment.startsWith(ANSWER);
  const address = decode(isAnswer ? fragment.slice(ANSWER.length) : fragment);
  return { address: isAddress(address) ? address : null, isAnswer };
}

/** Take the fragment away, so that a reload does not go there again. */
export function clearLink() {
  if (location.hash) history.replaceState(history.state, '', location.pathname + location.search);
}

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}
