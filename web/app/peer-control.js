/**
 * Control messages between two of these apps: what one tells the other beside the conversation.
 * @module
 */

/** @typedef {import('./state.js').Chat} Chat */
/** @typedef {Partial<import('./state.js').Status>} Control */

const APP = 'whisper';

/**
 * Tell their app something; one that is gone need not know.
 * @param {Chat} chat
 * @param {Control} control
 */
export function tell({ peer }, control) {
  peer?.send({ app: APP, ...control }).catch(() => undefined);
}

/**
 * Take what their app tells.
 * @param {Chat} chat
 * @param {any} value whatever they sent
 * @returns {boolean} whether it was that, and no message
 */
export function takeControl(chat, value) {
  if (value?.app !== APP) return false;
  for (const name of /** @type {const} */ (['muted', 'held'])) {
    if (typeof value[name] === 'boolean') chat.status[name] = value[name];
  }
  return true;
}
