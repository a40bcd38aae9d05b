/**
 * Browser support for calls, the permission to notify, and its loss while running.
 * @module
 */

import { WhisperError } from '../protocol/errors.js';

/** @throws {WhisperError} when this browser, or this page, can't do what Whisper needs; at once, before a click is forgotten */
export function checkSupport() {
  if (!globalThis.isSecureContext) throw new WhisperError('insecure_context');
  const modern = ['RTCPeerConnection', 'CompressionStream', 'indexedDB'].every((name) => name in globalThis) && 'locks' in navigator;
  if (!modern) throw new WhisperError('unsupported_browser');
  const push = 'serviceWorker' in navigator && 'PushManager' in globalThis && 'Notification' in globalThis;
  if (!push) throw new WhisperError('push_unavailable');
}

/** @throws {WhisperError} `unsupported_browser` without Ed25519 and X25519 */
export async function checkCurves() {
  try {
    await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify']);
    await crypto.subtle.generateKey('X25519', false, ['deriveBits']);
  } catch (cause) {
    throw new WhisperError('unsupported_browser', { cause });
  }
}

/**
 * Ask for the permission to notify, if that has not been decided yet. A browser may want this to begin with a click.
 * @param {() => Promise<boolean>} wasGranted whether it was there before
 * @throws {WhisperError} `permission_denied`, `permission_dismissed`, or `permission_revoked` when the browser took it away
 */
export async function askPermission(wasGranted) {
  const permission = Notification.permission === 'default' ? await Notification.requestPermission() : Notification.permission;
  if (permission === 'denied') throw new WhisperError('permission_denied');
  if (permission === 'default') throw new WhisperError((await wasGranted()) ? 'permission_revoked' : 'permission_dismissed');
}

/**
 * Watch the permission to notify.
 * @param {(error: WhisperError) => void} onLost `permission_denied` when the person has blocked it, `permission_revoked` when it was taken away
 * @param {AbortSignal} signal ends it
 */
export async function watchPermission(onLost, signal) {
  const status = await navigator.permissions?.query({ name: 'notifications' }).catch(() => undefined);
  const onChange = () => {
    if (status?.state === 'granted') return;
    onLost(new WhisperError(status?.state === 'denied' ? 'permission_denied' : 'permission_revoked'));
  };
  status?.addEventListener('change', onChange, { signal });
}
