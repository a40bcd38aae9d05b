/**
 * Changes of a device in a call: another microphone or camera, or the screen in the place of the camera.
 * @module
 */

import { isChoiceCancelled, wordsOfMedia } from './error-messages.js';
import { KINDS, replaceTracks, startDevices, tracksOf } from './media-devices.js';
import { recall, remember } from './storage/web-storage.js';

/** @typedef {import('./state.js').App} App */
/** @typedef {import('./state.js').Chat} Chat */
/** @typedef {import('./media-devices.js').Device} Device */

/**
 * Show the screen in the place of the camera, or end that.
 * @param {App} app
 * @param {Chat} chat
 */
export async function toggleScreen(app, chat) {
  const { media } = chat;
  const stop = () => chat.media.stream.getVideoTracks().forEach((track) => track.stop());
  if (media.isScreen) {
    stop();
    media.isScreen = false;
    return replaceTracks(app, chat, 'video', []);
  }
  try {
    const tracks = (await navigator.mediaDevices.getDisplayMedia({ video: true })).getVideoTracks();
    stop(); // not before: who thinks better of it is still seen
    media.isScreen = true;
    for (const track of tracks) track.addEventListener('ended', () => media.isScreen && void toggleScreen(app, chat));
    await replaceTracks(app, chat, 'video', tracks);
  } catch (error) {
    if (!isChoiceCancelled(error)) app.notices.alert(error, { key: 'media', words: wordsOfMedia(error, 'screen') });
  }
}

/**
 * Take another device from now on, in a call too.
 * @param {App} app
 * @param {Chat} chat
 * @param {Device} device
 * @param {string} id
 */
export async function chooseDevice(app, chat, device, id) {
  remember(`whisper.${device}`, id || null);
  await restart(app, chat, device);
}

/**
 * Change between the cameras at the front and at the back.
 * @param {App} app
 * @param {Chat} chat
 */
export async function flipCamera(app, chat) {
  remember('whisper.facing', recall('whisper.facing') ? null : 'environment');
  remember('whisper.camera', null);
  await restart(app, chat, 'camera');
}

/**
 * @param {App} app
 * @param {Chat} chat
 * @param {Device} device
 */
async function restart(app, chat, device) {
  const running = tracksOf(chat.media.stream, device);
  if (!running.length || (device === 'camera' && chat.media.isScreen)) return;
  running.forEach((track) => track.stop());
  const tracks = await startDevices(app, chat, { audio: device === 'microphone', video: device === 'camera' });
  for (const track of tracks ?? []) track.enabled = device === 'camera' || !chat.media.muted;
  await replaceTracks(app, chat, KINDS[device], tracks ?? []);
}
