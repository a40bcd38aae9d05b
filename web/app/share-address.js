/**
 * Sharing of an address: the clipboard, and the dialog of the device.
 * @module
 */

import { linkTo } from './links.js';
import { recall } from './storage/web-storage.js';
import { t } from './texts/translation.js';

/** @typedef {import('./state.js').App} App */

/**
 * @param {App} app
 * @param {string} text
 * @param {string} said
 */
export async function copyText(app, text, said) {
  try {
    await navigator.clipboard.writeText(text);
    app.notices.say(said);
  } catch {
    const words = { title: t('share.refused'), advice: text.slice(0, 1000) };
    app.notices.alert(null, { key: 'copy', words });
  }
}

/**
 * Share a link by what the device has for that, or copy it.
 * @param {App} app
 * @param {string} address
 */
export async function shareLink(app, address) {
  const link = linkTo(address, undefined, recall('whisper.name') ?? '');
  const isTouch = matchMedia('(pointer: coarse)').matches;
  if (!isTouch || !('share' in navigator)) return copyText(app, link, t('share.copied'));
  try {
    await navigator.share({ title: 'Whisper', text: t('share.text'), url: link });
  } catch (error) {
    const isDismissed = error instanceof DOMException && error.name === 'AbortError';
    if (!isDismissed) await copyText(app, link, t('share.copied'));
  }
}
