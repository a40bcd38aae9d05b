/**
 * The page as a whole: its visibility, what is shown first, and the focus.
 * @module
 */

import { selectedChat } from '../state.js';
import { focusPerson } from './contact-list-view.js';
import { button, element, isTyping, setShown } from './dom.js';

/** @typedef {import('../state.js').App} App */

/** @returns {boolean} whether people and chat stand side by side */
export function isWide() {
  return matchMedia('(min-width: 800px)').matches;
}

/** Take away what is shown until the app runs. */
export function endBoot() {
  element('boot').remove();
}

/**
 * @param {App} app
 * @returns {() => void} draw
 */
export function pageView(app) {
  const { state } = app;
  state.isSeen = !document.hidden;
  document.addEventListener('visibilitychange', () => {
    state.isSeen = !document.hidden;
    app.changed();
  });
  return () => setShown(element('app'), state.hasOpened);
}

/**
 * Move the focus where the last action leads; a field that is in use keeps it.
 * @param {App} app
 * @returns {() => void} draw
 */
export function focusView({ state }) {
  /** @type {string | null} */
  let lastSelected = null;
  return () => {
    const wanted = state.focus;
    if (!wanted || !state.hasOpened || document.querySelector('dialog[open]')) return;
    state.focus = null;
    const chat = selectedChat(state);
    if (wanted === 'people' || !chat) return focusPerson(lastSelected);
    lastSelected = chat.address;
    if (!isWide() && !history.state?.isChat) history.pushState({ isChat: true }, '');
    const isUsed = isTyping() ? element('chat').contains(document.activeElement) : element('logs').contains(document.activeElement);
    if (isUsed) return;
    const canType = chat.phase === 'open' && matchMedia('(pointer: fine)').matches && element('message').checkVisibility();
    if (canType) element('message').focus();
    else if (chat.dialling) button('cancel').focus(); // a second Enter ends what the first began
    else element('chat-name').focus(); // never a button that rings
  };
}
