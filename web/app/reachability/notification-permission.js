/**
 * Permission to notify: what is missing, and its return while the app is open.
 *
 * Without it no browser gives a push subscription (Firefox and Chromium: `NotAllowedError`, whatever `userVisibleOnly` says), and every answer to a
 * call is a push: people, chats and open calls go on, new calls can't.
 * @module
 */

import { codeOf } from '../error-messages.js';

/** @typedef {import('../state.js').App} App */

/** @returns {'permission_denied' | 'permission_revoked' | null} what stands in the way of pushes */
export function missingPermission() {
  if (!('Notification' in globalThis)) return 'permission_revoked';
  const { permission } = Notification;
  return permission === 'granted' ? null : permission === 'denied' ? 'permission_denied' : 'permission_revoked';
}

/**
 * Turn calls on as soon as the browser allows them. That it does no more, Whisper tells as a trouble.
 * @param {App} app
 * @param {() => Promise<void>} start
 */
export async function followPermission({ state }, start) {
  const permission = await navigator.permissions?.query({ name: 'notifications' }).catch(() => null);
  permission?.addEventListener('change', () => {
    const isMissed = state.phase === 'failed' || codeOf(state.trouble).startsWith('permission_');
    if (permission.state === 'granted' && isMissed) void start();
  });
}

/**
 * Be reachable again, after the permission was away: the browser has dropped the subscription with it.
 * @param {App} app
 * @param {import('../../client/whisper.js').Whisper} whisper
 */
export async function resumeWithPermission({ state, notices, changed }, whisper) {
  if (missingPermission() === 'permission_revoked') await Notification.requestPermission();
  await whisper.update();
  Object.assign(state, { phase: 'on', trouble: null });
  notices.dismiss('start');
  changed();
}
