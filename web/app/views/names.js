/**
 * Names as titles: the one in this browser, or the one that somebody says they have.
 * @module
 */

import { nameOf } from '../state.js';
import { t } from '../texts/translation.js';

/**
 * @param {import('../state.js').State} state
 * @param {string} address
 */
export function titleOf(state, address) {
  const says = state.chats.get(address)?.says;
  return says && !state.contacts.get(address)?.name ? t('people.says', { name: says }) : nameOf(state, address);
}
