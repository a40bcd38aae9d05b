/**
 * Contact storage in IndexedDB, shared by the pages and the service worker.
 * @module
 */

import { Store } from '../../client/store.js';
import { cleanName } from '../display-names.js';

/** @typedef {{address: string, name: string}} Contact `name` may be empty */

/** @returns {Promise<Contact[]>} */
export function allContacts() {
  return Store.use((store) => store.all('contacts'));
}

/**
 * @param {string} address
 * @returns {Promise<Contact | undefined>}
 */
export function findContact(address) {
  return Store.use((store) => store.get('contacts', address));
}

/**
 * Add a contact, or give it another name.
 * @param {string} address
 * @param {string} name
 * @returns {Promise<Contact>} as it is kept
 */
export async function saveContact(address, name) {
  const contact = { address, name: cleanName(name) };
  await Store.use((store) => store.put('contacts', contact));
  return contact;
}

/** @param {string} address */
export function removeContact(address) {
  return Store.use((store) => store.delete('contacts', address));
}

/**
 * Keep somebody under another address.
 * @param {Contact} contact
 * @param {string} address
 * @returns {Promise<Contact>} as it is kept
 */
export async function moveContact({ address: old, name }, address) {
  const moved = await saveContact(address, name);
  await removeContact(old);
  return moved;
}
