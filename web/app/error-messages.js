/**
 * Error messages for people: what happened, and what to do about it.
 * @module
 */

import { hasText, t, wordsFor } from './texts/translation.js';

/** @typedef {{title: string, advice: string}} Words */

/** Longer, a time is told in minutes. */
const MANY_SECONDS = 90;

/**
 * @param {unknown} error
 * @returns {string} its code, or ''
 */
export function codeOf(error) {
  const { code } = /** @type {{code?: unknown}} */ (error ?? {});
  return typeof code === 'string' ? code : '';
}

/**
 * @param {unknown} error
 * @returns {Words}
 */
export function wordsOf(error) {
  const key = `error.${codeOf(error)}`;
  if (!hasText(key)) {
    const { title, advice } = wordsFor('error.unknown');
    return { title, advice: error instanceof Error ? error.message : advice };
  }
  const { title, advice } = wordsFor(key);
  return { title, advice: `${advice} ${patience(error)}`.trim() };
}

/**
 * @param {unknown} error what `getUserMedia` or `getDisplayMedia` rejects with
 * @param {'microphone' | 'camera' | 'screen'} device
 * @returns {Words}
 */
export function wordsOfMedia(error, device) {
  const name = error instanceof Error ? error.name : '';
  const ofScreen = `screen.${name}`; // nobody connects a screen
  const key = device === 'screen' && hasText(ofScreen) ? ofScreen : `media.${name}`;
  return hasText(key) ? wordsFor(key, { device: t(`device.${device}`) }) : wordsOf(error);
}

/**
 * @param {unknown} error what `getDisplayMedia` rejects with
 * @returns {boolean} whether the person has chosen nothing; Chromium alone says in words that it was not them, but the system
 */
export function isChoiceCancelled(error) {
  return error instanceof DOMException && error.name === 'NotAllowedError' && !/by system/i.test(error.message);
}

/** @param {unknown} error */
function patience(error) {
  const { retryAfter } = /** @type {{retryAfter?: number}} */ (error ?? {});
  if (!retryAfter) return '';
  const isSoon = retryAfter < MANY_SECONDS;
  return isSoon ? t('error.retrySeconds', { count: Math.ceil(retryAfter) }) : t('error.retryMinutes', { count: Math.ceil(retryAfter / 60) });
}
