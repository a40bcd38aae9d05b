/**
 * Bar of a call that goes on while something else is shown: a live microphone or camera is never out of sight.
 * @module
 */

import { select } from '../../calls.js';
import { isLive, tracksOf } from '../../media-devices.js';
import { isCall, nameOf } from '../../state.js';
import { localeOfTexts, t } from '../../texts/translation.js';
import { element, onClick, setShown, setText } from '../dom.js';

/** @typedef {import('../../state.js').App} App */
/** @typedef {import('../../state.js').Chat} Chat */

/**
 * @param {App} app
 * @returns {() => void} draw
 */
export function ongoingCallBar(app) {
  const { state } = app;
  /** @type {Chat | undefined} */
  let shown;
  onClick('live-return', () => shown && select(app, shown.address));
  onClick('live-end', () => (shown?.peer ? shown.peer.close() : shown?.dialling?.abort()));

  return () => {
    const elsewhere = [...state.chats.values()].filter((chat) => (isCall(chat) || isLive(chat)) && chat.address !== state.selected);
    shown = elsewhere.find(isLive) ?? elsewhere[0];
    setShown(element('live-bar'), shown !== undefined);
    if (shown) setText(element('live-text'), t('call.live', { what: whatIsOn(shown), name: nameOf(state, shown.address) }));
  };
}

/** @param {Chat} chat */
function whatIsOn({ media }) {
  if (media.held) return t('call.onHold');
  const on = [];
  if (tracksOf(media.stream, 'microphone').length) on.push(media.muted ? t('call.muted') : t('call.microphoneOn'));
  if (tracksOf(media.stream, 'camera').length) on.push(media.isScreen ? t('call.screenShared') : t('call.cameraOn'));
  return new Intl.ListFormat(localeOfTexts(), { type: 'unit', style: 'short' }).format(on) || t('call.on');
}
