/**
 * Contact actions: adding, renaming, moving and removing people.
 * @module
 */

import { readMove } from './address-change.js';
import { addEntry, nameOf } from './state.js';
import { moveContact, removeContact, saveContact } from './storage/contacts.js';
import { t } from './texts/translation.js';

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
  await app.chatRepository.delete(address).catch(() => undefined); // it is gone from the list in any case
  state.contacts.delete(address);
  state.chats.delete(address);
  if (state.selected === address) Object.assign(state, { selected: null, focus: 'people' });
  app.changed();
}

/**
 * Follow a known person to their new address, with their name and all that was said. An address that is known already stays as it is:
 * two people never become one.
 * @param {App} app
 * @param {import('./state.js').Chat} chat over whose connection it came
 * @param {unknown} move whatever they sent
 */
export async function follow(app, chat, move) {
  const { state } = app;
  const from = chat.address;
  if (!state.contacts.has(from)) return; // a stranger has no signatures checked
  const to = await readMove(move, { from, me: state.identity?.address, now: Date.now() });
  const contact = state.contacts.get(from);
  if (!to || !contact || state.chats.get(from) !== chat || state.contacts.has(to) || state.chats.has(to)) return;
  state.contacts.delete(from);
  state.contacts.set(to, { ...contact, address: to });
  state.chats.delete(from);
  state.chats.set(to, Object.assign(chat, { address: to }));
  if (state.selected === from) state.selected = to;
  addEntry(chat, { kind: 'note', at: new Date(), text: t('note.moved', { name: nameOf(state, to) }) });
  app.changed();
  await moveContact(contact, to).catch((/** @type {unknown} */ error) => app.notices.alert(error, { key: 'contacts' }));
  await app.chatRepository.move(from).catch((/** @type {unknown} */ error) => app.notices.alert(error, { key: 'chats' }));
}
