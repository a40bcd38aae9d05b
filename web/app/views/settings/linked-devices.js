/**
 * List of the devices that share this address, each of which can be ended.
 * @module
 */

import { dayOf } from '../../format.js';
import { t } from '../../texts/translation.js';
import { create, element } from '../dom.js';
import { showTrouble } from '../notices.js';

/** @typedef {import('../../state.js').App} App */

/** @param {App} app */
export function drawLinkedDevices(app) {
  element('devices').replaceChildren();
  draw(app).catch((error) => showTrouble(element('settings-trouble'), error));
}

/** @param {App} app */
async function draw(app) {
  const { whisper } = app.state;
  const devices = (await whisper?.devices()) ?? [];
  const rows = devices.map(({ id, updated, isThis }) => {
    const end = () => endDevice(app, id).catch((error) => showTrouble(element('settings-trouble'), error));
    const name = isThis ? t('settings.thisDevice') : t('settings.otherDevice', { day: dayOf(new Date(updated), new Date()) });
    return create('li', { class: 'row' }, create('span', { class: 'grow' }, name), !isThis && create('button', { type: 'button', class: 'button', onclick: end }, t('settings.endDevice')));
  });
  element('devices').replaceChildren(...rows);
}

/**
 * @param {App} app
 * @param {string} id
 */
async function endDevice(app, id) {
  await app.state.whisper?.endDevice(id);
  await draw(app);
}
