/**
 * Dialog that chooses microphone, camera and speaker.
 * @module
 */

import { chooseDevice } from '../../media-device-switch.js';
import { chosenDevice } from '../../media-devices.js';
import { remember } from '../../storage/web-storage.js';
import { t } from '../../texts/translation.js';
import { byId, create, dialog, element, setShown } from '../dom.js';

/** @typedef {import('../../state.js').App} App */
/** @typedef {import('../../state.js').Chat} Chat */

const KINDS = /** @type {const} */ ({ microphone: 'audioinput', camera: 'videoinput', speaker: 'audiooutput' });

/**
 * @param {App} app
 * @param {Chat} chat
 */
export async function openMediaDevices(app, chat) {
  const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  for (const [device, kind] of Object.entries(KINDS)) {
    const name = /** @type {keyof typeof KINDS} */ (device);
    const list = byId(`choose-${name}`, HTMLSelectElement);
    const found = all.filter((one) => one.kind === kind && one.deviceId !== '');
    list.replaceChildren(
      create('option', { value: '' }, t('call.systemDevice')),
      ...found.map(({ deviceId, label }) => create('option', { value: deviceId }, label || deviceId.slice(0, 8))),
    );
    list.value = found.some(({ deviceId }) => deviceId === chosenDevice(name)) ? chosenDevice(name) : '';
    list.onchange = () => (name === 'speaker' ? chooseSpeaker(list.value) : chooseDevice(app, chat, name, list.value));
  }
  setShown(element('speaker-label'), 'setSinkId' in HTMLMediaElement.prototype);
  dialog('devices-dialog').showModal();
}

/** @param {string} id */
function chooseSpeaker(id) {
  remember('whisper.speaker', id || null);
  for (const video of document.querySelectorAll('video')) void video.setSinkId(id).catch(() => undefined); // it may be gone
}
