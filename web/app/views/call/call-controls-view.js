/**
 * Controls of the call that is shown: one bar, and what is said of the call above it.
 * @module
 */

import { formatDuration } from '../../format.js';
import { flipCamera, toggleScreen } from '../../media-device-switch.js';
import { resumeSharing, toggle, toggleMicrophone, tracksOf } from '../../media-devices.js';
import { isCall, nameOf, selectedChat } from '../../state.js';
import { t } from '../../texts/translation.js';
import { button, byId, element, onClick, setAttribute, setShown, setText } from '../dom.js';
import { openMediaDevices } from './media-devices-dialog.js';

/** @typedef {import('../../state.js').App} App */
/** @typedef {import('../../state.js').Chat} Chat */

const SECOND_MS = 1000;
/** So wide, chat and picture stand side by side. */
const WIDE = '(min-width: 1100px)';

/**
 * @param {App} app
 * @returns {() => void} draw
 */
export function callControlsView(app) {
  const { state } = app;
  /** @type {Chat | null} */
  let call = null;
  let isChatShown = false;
  let cameras = 0;
  /** @param {(chat: Chat) => unknown} act */
  const inCall = (act) => () => call && act(call);
  onClick('microphone', inCall((chat) => toggleMicrophone(app, chat)));
  onClick('camera', inCall((chat) => toggle(app, chat, 'camera')));
  onClick('flip', inCall((chat) => flipCamera(app, chat)));
  onClick('screen', inCall((chat) => toggleScreen(app, chat)));
  onClick('resume', inCall((chat) => resumeSharing(app, chat)));
  onClick('end-call', inCall((chat) => chat.peer?.close()));
  onClick('open-devices', inCall((chat) => openMediaDevices(app, chat)));
  onClick('small-picture', () => remotePicture()?.requestPictureInPicture().catch(() => undefined)); // the person sees that nothing happens
  onClick('full-screen', () => (document.fullscreenElement ? document.exitFullscreen() : element('stage-area').requestFullscreen()));
  onClick('toggle-chat', () => {
    isChatShown = !isChatShown;
    app.changed();
  });
  setInterval(() => call && drawTime(call), SECOND_MS);
  followMediaKeys(() => call, { microphone: 'microphone', camera: 'camera', end: 'end-call' });

  return () => {
    const chat = selectedChat(state);
    const next = chat && isCall(chat) ? chat : null;
    if (next && next !== call) {
      isChatShown = matchMedia(WIDE).matches;
      void navigator.mediaDevices?.enumerateDevices().then((all) => void (cameras = all.filter(({ kind }) => kind === 'videoinput').length));
    }
    call = next;
    setShown(element('stage-area'), call !== null);
    setAttribute(element('chat'), 'data-call', call !== null);
    setAttribute(element('chat'), 'data-chat', call !== null && isChatShown);
    if (!call) return;
    setAttribute(button('toggle-chat'), 'aria-pressed', String(isChatShown));
    drawTime(call);
    setText(element('stage-status'), statusOf(call, nameOf(state, call.address)));
    drawButtons(call, cameras);
  };
}

/** @param {Chat} chat */
function drawTime({ since, quality }) {
  setText(element('duration'), since ? formatDuration(Date.now() - since) : '');
  setText(element('quality'), quality);
}

/**
 * @param {Chat} chat
 * @param {number} cameras
 */
function drawButtons({ media }, cameras) {
  const isHeard = tracksOf(media.stream, 'microphone').length > 0 && !media.muted;
  const isSeen = tracksOf(media.stream, 'camera').length > 0 && !media.isScreen;
  press('microphone', isHeard, isHeard ? t('call.mute') : t('call.unmute'));
  setAttribute(byId('microphone-icon', SVGUseElement), 'href', isHeard ? '#icon-microphone' : '#icon-microphone-off');
  press('camera', isSeen, isSeen ? t('call.stopCamera') : t('call.startCamera'));
  press('screen', media.isScreen, media.isScreen ? t('call.stopScreen') : t('call.shareScreen'));
  setShown(button('screen'), Boolean(navigator.mediaDevices && 'getDisplayMedia' in navigator.mediaDevices));
  setShown(button('flip'), isSeen && cameras > 1);
  setShown(button('small-picture'), document.pictureInPictureEnabled && remotePicture() !== null);
  setShown(button('full-screen'), document.fullscreenEnabled);
  setShown(button('play-sound'), media.silenced);
  setShown(button('resume'), media.held !== null);
}

/**
 * @param {string} id
 * @param {boolean} isOn
 * @param {string} title
 */
function press(id, isOn, title) {
  setAttribute(button(id), 'aria-pressed', String(isOn));
  setAttribute(button(id), 'title', title);
}

/**
 * @param {Chat} chat
 * @param {string} name
 */
function statusOf({ phase, media, status }, name) {
  if (phase === 'reconnecting') return t('phase.reconnecting');
  if (media.held) return t('call.onHold');
  if (status.held) return t('call.heldBy', { name });
  return status.muted ? t('call.mutedBy', { name }) : '';
}

/** @returns {HTMLVideoElement | null} */
function remotePicture() {
  return document.querySelector('.stage:not([hidden])[data-remote="video"] .remote');
}

/**
 * Keys of headsets and keyboards, and of the system's own controls, press the buttons.
 * @param {() => Chat | null} call
 * @param {{microphone: string, camera: string, end: string}} ids
 */
function followMediaKeys(call, ids) {
  const keys = { togglemicrophone: ids.microphone, togglecamera: ids.camera, hangup: ids.end };
  for (const [key, id] of Object.entries(keys)) {
    try {
      navigator.mediaSession?.setActionHandler(/** @type {MediaSessionAction} */ (key), () => call() && button(id).click());
    } catch {
      // this browser has no such key
    }
  }
}
