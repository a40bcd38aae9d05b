/**
 * Contact actions: adding, renaming and removing people.
 * @module
 */

import { removeContact, saveContact } from './contacts.js';

/** @typedef {import('./state.js').App} App */

/**
 * Keep somebody under a name, which may be empty.
 * @param {App} app
 * @param {string} address
 * @param {string} name
 */
export async function save(app, address, name) {
  try {
    app.state.contacts.set(address, await saveContact(address, name));
  } catch (error) {
    app.notices.alert(error, { key: 'contacts' });
  }
  app.changed();
}

/**
 * Hang up, and forget somebody with all that was said.
 * @param {App} app
 * @param {string} address
 */
export async function remove(app, address) {
  const { state } = app;
  const chat = state.chats.get(address);
  chat?.dialling?.abort();
  await chat?.peer?.close();
  await removeContact(address).catch((/** @type {unknown} */ error) => app.notices.alert(error, { key: 'contacts' }));
  await app.talks.delete(address).catch(() => undefined); // it is gone from the list in any case
  state.contacts.delete(address);
  state.chats.delete(address);
  if (state.selected === address) Object.assign(state, { selected: null, focus: 'people' });
  app.changed();
}
