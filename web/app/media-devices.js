/**
 * Microphone and camera: what this page shares with a peer.
 * @module
 */

import { tellStatus } from './chat/control-messages.js';
import { wordsOf, wordsOfMedia } from './error-messages.js';
import { newMedia } from './state.js';
import { recall } from './storage/web-storage.js';
import { t, wordsFor } from './texts/translation.js';

/** @typedef {import('./state.js').App} App */
/** @typedef {import('./state.js').Chat} Chat */
/** @typedef {import('./state.js').Wants} Wants */
/** @typedef {'microphone' | 'camera'} Device */

export const KINDS = /** @type {const} */ ({ microphone: 'audio', camera: 'video' });
const VOICE = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
const PICTURE = { width: { ideal: 1280 }, height: { ideal: 720 } };

/**
 * @param {MediaStream} stream
 * @param {Device} device
 */
export function tracksOf(stream, device) {
  return device === 'microphone' ? stream.getAudioTracks() : stream.getVideoTracks();
}

/** @param {Chat} chat */
export function isLive({ media }) {
  return media.stream.getTracks().length > 0;
}

/** @param {Device | 'speaker'} device */
export function chosenDevice(device) {
  return recall(`whisper.${device}`) ?? '';
}

/**
 * Start what a call wants, for the person who asks for it; calls of others are held. Where the camera fails, the microphone alone is better than nothing.
 * @param {App} app
 * @param {Chat} chat
 * @param {Wants} wants
 * @returns {Promise<MediaStreamTrack[] | null>} null when it failed: the person has been told
 */
export async function startDevices(app, chat, { audio, video }) {
  if (!audio && !video) return [];
  app.notices.dismiss('media');
  try {
    if (!navigator.mediaDevices) throw new TypeError('no media devices');
    const tracks = (await capture({ audio, video })).getTracks();
    for (const track of tracks) track.addEventListener('ended', () => void lose(app, chat, track));
    await holdOthers(app, chat);
    return tracks;
  } catch (error) {
    const voice = audio && video ? await startDevices(app, chat, { audio, video: false }) : null;
    if (audio && video && !voice) return null; // the microphone's failure has been told
    const { title, advice } = wordsOfMedia(error, video ? 'camera' : 'microphone');
    app.notices.alert(error, { key: 'media', words: { title, advice: voice ? `${t('media.voiceOnly')} ${advice}` : advice } });
    return voice;
  }
}

/**
 * Begin a call with somebody with whom there is a connection.
 * @param {App} app
 * @param {Chat} chat
 * @param {Wants} wants
 */
export async function startCall(app, chat, wants) {
  const tracks = await startDevices(app, chat, wants);
  if (tracks) await share(app, chat, tracks);
}

/**
 * Start a device, or stop it when it runs.
 * @param {App} app
 * @param {Chat} chat
 * @param {Device} device
 */
export async function toggle(app, chat, device) {
  if (!chat.peer) return;
  const running = tracksOf(chat.media.stream, device);
  const started = running.length && !chat.media.isScreen ? [] : await startDevices(app, chat, { audio: device === 'microphone', video: device === 'camera' });
  if (!started) return; // a screen is shared on
  running.forEach((track) => track.stop());
  if (device === 'microphone') chat.media.muted = false;
  else chat.media.isScreen = false;
  await replaceTracks(app, chat, KINDS[device], started);
}

/**
 * Start the microphone, or mute it, or let it be heard again.
 * @param {App} app
 * @param {Chat} chat
 */
export async function toggleMicrophone(app, chat) {
  const running = chat.media.stream.getAudioTracks();
  if (!running.length) return toggle(app, chat, 'microphone');
  chat.media.muted = !chat.media.muted;
  for (const track of running) track.enabled = !chat.media.muted;
  tellStatus(chat);
  app.changed();
}

/**
 * Stop every device of a chat that has ended.
 * @param {App} app
 * @param {Chat} chat
 */
export async function stopSharing(app, chat) {
  chat.media.stream.getTracks().forEach((track) => track.stop());
  chat.media = newMedia();
  app.changed();
}

/**
 * Go on with a call that was held.
 * @param {App} app
 * @param {Chat} chat
 */
export async function resumeSharing(app, chat) {
  const { held } = chat.media;
  const tracks = held && (await startDevices(app, chat, held));
  if (!tracks) return;
  for (const track of tracks) track.enabled = track.kind === 'video' || !chat.media.muted;
  await share(app, chat, tracks);
}

/**
 * Share these tracks with the peer, and no others.
 * @param {App} app
 * @param {Chat} chat
 * @param {MediaStreamTrack[]} tracks
 */
export async function share(app, chat, tracks) {
  if (!chat.peer) return tracks.forEach((track) => track.stop()); // they hung up while the browser asked
  chat.media.stream = new MediaStream(tracks);
  if (tracks.length) chat.since ||= Date.now();
  if (tracks.length && chat.media.held) {
    chat.media.held = null;
    tellStatus(chat);
  }
  app.changed();
  try {
    await chat.peer.share(tracks.length ? chat.media.stream : null);
  } catch (error) {
    await stopSharing(app, chat);
    app.notices.alert(error, { key: 'media', words: wordsOf(error) });
  }
}

/**
 * One call has the devices: the others send nothing, and say so.
 * @param {App} app
 * @param {Chat} chat
 */
async function holdOthers(app, chat) {
  for (const other of app.state.chats.values()) {
    if (other === chat || !other.peer || !isLive(other)) continue;
    const held = { audio: tracksOf(other.media.stream, 'microphone').length > 0, video: tracksOf(other.media.stream, 'camera').length > 0 };
    const { muted } = other.media;
    await stopSharing(app, other);
    Object.assign(other.media, { held, muted });
    tellStatus(other);
    await other.peer.share(null).catch(() => undefined); // then it has ended
  }
}

/**
 * Share other tracks of a kind, and the rest as before.
 * @param {App} app
 * @param {Chat} chat
 * @param {'audio' | 'video'} kind
 * @param {MediaStreamTrack[]} tracks
 */
export function replaceTracks(app, chat, kind, tracks) {
  const others = chat.media.stream.getTracks().filter((track) => track.kind !== kind);
  return share(app, chat, [...others, ...tracks]);
}

/**
 * Take the chosen devices, or any where one of them is gone. A wish alone would be weighed against the size of the picture.
 * @param {Wants} wants
 */
async function capture({ audio, video }) {
  const open = (/** @type {boolean} */ isChosen) =>
    navigator.mediaDevices.getUserMedia({ audio: audio && constraintsOf('microphone', isChosen), video: video && constraintsOf('camera', isChosen) });
  try {
    return await open(true);
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'OverconstrainedError') throw error;
    return open(false);
  }
}

/**
 * @param {Device} device
 * @param {boolean} isChosen whether it must be the one that was chosen
 */
function constraintsOf(device, isChosen) {
  const id = isChosen ? chosenDevice(device) : '';
  const chosen = id ? { deviceId: { exact: id } } : null;
  if (device === 'microphone') return { ...VOICE, ...chosen };
  return { ...PICTURE, ...(chosen ?? { facingMode: recall('whisper.facing') ?? 'user' }) };
}

/**
 * A device was pulled out, or its permission taken away.
 * @param {App} app
 * @param {Chat} chat
 * @param {MediaStreamTrack} track
 */
async function lose(app, chat, track) {
  const tracks = chat.media.stream.getTracks();
  if (!tracks.includes(track)) return;
  const words = wordsFor('media.stopped', { device: t(track.kind === 'audio' ? 'device.microphone' : 'device.camera') });
  app.notices.alert(null, { key: 'media', words });
  await share(app, chat, tracks.filter((one) => one !== track));
}
