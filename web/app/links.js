/**
 * Links to a person: the address is in the fragment, which no server sees. A link selects somebody, and does nothing else:
 * anybody can make one, and any page can lead here.
 * @module
 */

import { isAddress } from '../../client/protocol/messages.js';

/**
 * Return the link that lets whoever opens it ring an address.
 * @param {string} address
 */
export function linkTo(address) {
  return `${new URL('./', location.href).href}#${encodeURIComponent(address)}`;
}

/** @returns {string | null} whom the page was opened for */
export function readLink() {
  const address = decode(location.hash.slice(1));
  return isAddress(address) ? address : null;
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
