/**
 * The page as a whole: its visibility, what is shown first, and the focus.
 * @module
 */

import { selectedChat } from '../state.js';
import { button, element, setShown } from './dom.js';
import { focusPerson } from './people-view.js';

/** @typedef {import('../state.js').App} App */

/** @returns {boolean} whether people and conversation stand side by side */
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
 * Move the focus where the last action leads; whoever writes elsewhere keeps it.
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
    const canType = chat.phase === 'open' && matchMedia('(pointer: fine)').matches;
    const isReady = wanted === 'talk' && chat.phase === 'idle' && state.phase === 'on';
    if (canType) element('message').focus();
    else if (isReady) button('ring').focus();
    else element('talk-name').focus();
  };
}
