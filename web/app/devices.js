/**
 * Voice and video: what this page shares with a peer.
 * @module
 */

import { wordsOf, wordsOfMedia } from './words.js';

/** @typedef {import('./state.js').App} App */
/** @typedef {import('./state.js').Talk} Talk */
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
 * @param {Talk} talk
 * @param {Device} device
 */
export async function toggle(app, talk, device) {
  if (!talk.peer) return;
  app.notices.dismiss('media');
  const running = tracksOf(talk.media.stream, device);
  running.forEach((track) => track.stop());
  const started = running.length ? [] : await start(app, talk, device);
  if (!running.length && !started.length) return;
  if (device === 'microphone') talk.media.muted = false;
  const others = talk.media.stream.getTracks().filter((track) => !running.includes(track));
  await share(app, talk, [...others, ...started]);
}

/**
 * @param {App} app
 * @param {Talk} talk
 */
export function toggleMute(app, talk) {
  talk.media.muted = !talk.media.muted;
  for (const track of talk.media.stream.getAudioTracks()) track.enabled = !talk.media.muted;
  app.changed();
}

/**
 * Stop every device of a talk that has ended.
 * @param {App} app
 * @param {Talk} talk
 */
export async function stopSharing(app, talk) {
  talk.media.stream.getTracks().forEach((track) => track.stop());
  talk.media = { stream: new MediaStream(), muted: false, silenced: false };
  app.changed();
}

/**
 * @param {App} app
 * @param {Talk} talk
 * @param {Device} device
 * @returns {Promise<MediaStreamTrack[]>} none when it failed: the person has been told
 */
async function start(app, talk, device) {
  try {
    if (!navigator.mediaDevices) throw new TypeError('no media devices');
    const tracks = (await navigator.mediaDevices.getUserMedia(WISHES[device])).getTracks();
    for (const track of tracks) track.addEventListener('ended', () => void lose(app, talk, track, device));
    return tracks;
  } catch (error) {
    app.notices.alert(error, { key: 'media', words: wordsOfMedia(error, device) });
    return [];
  }
}

/**
 * A device was pulled out, or its permission taken away.
 * @param {App} app
 * @param {Talk} talk
 * @param {MediaStreamTrack} track
 * @param {Device} device
 */
async function lose(app, talk, track, device) {
  const tracks = talk.media.stream.getTracks();
  if (!tracks.includes(track)) return;
  const advice = 'It was unplugged, or the permission was taken away.';
  app.notices.alert(null, { key: 'media', words: { title: `The ${device} stopped`, advice } });
  await share(app, talk, tracks.filter((one) => one !== track));
}

/**
 * @param {App} app
 * @param {Talk} talk
 * @param {MediaStreamTrack[]} tracks
 */
async function share(app, talk, tracks) {
  if (!talk.peer) return tracks.forEach((track) => track.stop()); // they hung up while the browser asked
  talk.media.stream = new MediaStream(tracks);
  app.changed();
  try {
    await talk.peer.share(tracks.length ? talk.media.stream : null);
  } catch (error) {
    await stopSharing(app, talk);
    app.notices.alert(error, { key: 'media', words: wordsOf(error) });
  }
}
