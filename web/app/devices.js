/**
 * Microphone and camera: what this page shares with a peer.
 * @module
 */

import { wordsOf, wordsOfMedia } from './error-messages.js';

/** @typedef {import('./state.js').App} App */
/** @typedef {import('./state.js').Chat} Chat */
/** @typedef {'microphone' | 'camera'} Device */

/** @type {Readonly<Record<Device, MediaStreamConstraints>>} */
const WISHES = Object.freeze({
  microphone: { audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true } },
  camera: { video: { facingMode: 'user', width: { ideal: 1280 }, height: { ideal: 720 } } },
});

/**
 * @param {MediaStream} stream
 * @param {Device} device
 */
export function tracksOf(stream, device) {
  return device === 'microphone' ? stream.getAudioTracks() : stream.getVideoTracks();
}

/**
 * Start a device, or stop it when it runs.
 * @param {App} app
 * @param {Chat} chat
 * @param {Device} device
 */
export async function toggle(app, chat, device) {
  if (!chat.peer) return;
  app.notices.dismiss('media');
  const running = tracksOf(chat.media.stream, device);
  running.forEach((track) => track.stop());
  const started = running.length ? [] : await start(app, chat, device);
  if (!running.length && !started.length) return;
  if (device === 'microphone') chat.media.muted = false;
  const others = chat.media.stream.getTracks().filter((track) => !running.includes(track));
  await share(app, chat, [...others, ...started]);
}

/**
 * @param {App} app
 * @param {Chat} chat
 */
export function toggleMute(app, chat) {
  chat.media.muted = !chat.media.muted;
  for (const track of chat.media.stream.getAudioTracks()) track.enabled = !chat.media.muted;
  app.changed();
}

/**
 * Stop every device of a chat that has ended.
 * @param {App} app
 * @param {Chat} chat
 */
export async function stopSharing(app, chat) {
  chat.media.stream.getTracks().forEach((track) => track.stop());
  chat.media = { stream: new MediaStream(), muted: false, silenced: false };
  app.changed();
}

/**
 * @param {App} app
 * @param {Chat} chat
 * @param {Device} device
 * @returns {Promise<MediaStreamTrack[]>} none when it failed: the person has been told
 */
async function start(app, chat, device) {
  try {
    if (!navigator.mediaDevices) throw new TypeError('no media devices');
    const tracks = (await navigator.mediaDevices.getUserMedia(WISHES[device])).getTracks();
    for (const track of tracks) track.addEventListener('ended', () => void lose(app, chat, track, device));
    return tracks;
  } catch (error) {
    app.notices.alert(error, { key: 'media', words: wordsOfMedia(error, device) });
    return [];
  }
}

/**
 * A device was pulled out, or its permission taken away.
 * @param {App} app
 * @param {Chat} chat
 * @param {MediaStreamTrack} track
 * @param {Device} device
 */
async function lose(app, chat, track, device) {
  const tracks = chat.media.stream.getTracks();
  if (!tracks.includes(track)) return;
  const advice = 'It was unplugged, or the permission was taken away.';
  app.notices.alert(null, { key: 'media', words: { title: `The ${device} stopped`, advice } });
  await share(app, chat, tracks.filter((one) => one !== track));
}

/**
 * @param {App} app
 * @param {Chat} chat
 * @param {MediaStreamTrack[]} tracks
 */
async function share(app, chat, tracks) {
  if (!chat.peer) return tracks.forEach((track) => track.stop()); // they hung up while the browser asked
  chat.media.stream = new MediaStream(tracks);
  app.changed();
  try {
    await chat.peer.share(tracks.length ? chat.media.stream : null);
  } catch (error) {
    await stopSharing(app, chat);
    app.notices.alert(error, { key: 'media', words: wordsOf(error) });
  }
}
