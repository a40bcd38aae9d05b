/**
 * Session of the app: calls on and off, identity, backup, and the start of Whisper.
 * @module
 */

import { Identity, Whisper } from '../client/whisper.js';
import { tellMove } from './address-change.js';
import { listen, select } from './calls.js';
import { CHAT_FEATURE } from './chat/message-parser.js';
import { cleanName } from './display-names.js';
import { codeOf } from './error-messages.js';
import { appUrl, clearLink, nameInLink, readDeviceLink, readLink } from './links.js';
import { followPermission, missingPermission, resumeWithPermission } from './reachability/notification-permission.js';
import { forgetConnected, reconnect, takeConnected } from './reconnect-after-reload.js';
import { chatWith } from './state.js';
import { recall, remember } from './storage/web-storage.js';
import { t } from './texts/translation.js';
import { saveText } from './views/download.js';

/** @typedef {import('./state.js').App} App */

/** How long to wait before the server is tried again. */
const RETRY_MS = 5_000;
/** These pass by themselves. */
const PASSING = ['server_unreachable', 'push_service_unreachable', 'offline', 'overloaded', 'database_unavailable', 'internal_error', 'too_many_calls', 'already_in_flight'];

let retry = 0;

/** @param {App} app */
export async function open(app) {
  const { state } = app;
  try {
    state.identity = (await Identity.load()) ?? null;
  } catch (error) {
    state.trouble = error;
  }
  const isAllowed = missingPermission() === null;
  const isOn = isAllowed && recall('whisper.off') === null;
  state.invited = readLink();
  if (state.invited && nameInLink()) chatWith(state, state.invited).says ||= cleanName(nameInLink());
  state.linking = readDeviceLink();
  if (state.identity && isOn) await start(app);
  else state.phase = 'off';
  const isUsed = state.identity && recall('whisper.off') === null && state.chats.size + state.contacts.size > 0;
  if (isUsed && !isAllowed) showWithoutCalls(app);
  void followPermission(app, () => start(app));
  app.changed();
}

/**
 * Show people and chats to who has used the app, and what is missing for calls.
 * @param {App} app
 */
function showWithoutCalls(app) {
  Object.assign(app.state, { phase: 'failed', hasOpened: true });
  tellStart(app, { code: missingPermission() });
}

/**
 * Start Whisper: by a click when the permission has to be asked for.
 * @param {App} app
 */
export async function start(app) {
  const { state } = app;
  if (state.phase === 'starting' || state.phase === 'on') return;
  clearTimeout(retry);
  Object.assign(state, { phase: 'starting', hasOpened: state.identity !== null && state.phase !== 'off' });
  app.changed();
  try {
    if (state.whisper) return await resumeWithPermission(app, state.whisper);
    const whisper = await Whisper.start({ server: appUrl(), worker: './sw.js', features: [CHAT_FEATURE] });
    listen(app, whisper);
    whisper.addEventListener('trouble', (event) => void onTrouble(app, /** @type {import('../client/whisper.js').TroubleEvent} */ (event)));
    if (!state.hasOpened) state.focus = 'people';
    Object.assign(state, { whisper, identity: whisper.identity, phase: 'on', hasOpened: true, trouble: null });
    remember('whisper.off', null);
    app.notices.dismiss('start');
    app.changed();
    begin(app);
  } catch (error) {
    fail(app, error);
  }
}

/**
 * Make an identity with a backup, in the place of another; known people are told over the open connections.
 * @param {App} app
 * @param {string} passphrase
 * @returns {Promise<string>} the backup
 */
export async function createWithBackup(app, passphrase) {
  const { identity: old } = app.state;
  const { identity, backup = '' } = await Identity.create({ passphrase });
  if (old) await tellMove(app.state, old, identity);
  await leave(app);
  app.state.identity = identity;
  saveBackup(identity.address, backup);
  return backup;
}

/**
 * Take the identity of a backup, in the place of another.
 * @param {App} app
 * @param {Blob} file
 * @param {string} secret its passphrase or recovery code
 */
export async function restore(app, file, secret) {
  const backup = await file.slice(0, 100_000).text();
  const identity = await Identity.restore(backup, secret);
  await leave(app);
  app.state.identity = identity;
}

/**
 * Let the server forget this device, and show the welcome. Other devices of the person stay.
 * @param {App} app
 */
export async function forget(app) {
  await forgetDevice(app);
  remember('whisper.off', 'yes'); // the browser would still allow calls: the next load must not turn them on
  await stop(app);
}

/**
 * @param {string} address
 * @param {string} backup
 */
export function saveBackup(address, backup) {
  saveText(`whisper-backup-${address.slice(0, 4).replace(/[+/]/g, '_')}.json`, backup);
}

/**
 * Give up the present address. The server forgets it if it can be reached, and otherwise by itself.
 * @param {App} app
 */
async function leave(app) {
  await forgetDevice(app).catch(() => undefined);
  await stop(app);
}

/** @param {App} app */
async function forgetDevice({ state: { whisper } }) {
  const devices = (await whisper?.devices()) ?? [];
  const own = devices.find(({ isThis }) => isThis);
  if (own && devices.length > 1) await whisper?.endDevice(own.id);
  else await whisper?.forget();
}

/** @param {App} app */
async function stop(app) {
  const { state } = app;
  await state.whisper?.stop();
  forgetConnected();
  state.chats.clear();
  await app.chatRepository.restore();
  Object.assign(state, { whisper: null, phase: 'off', hasOpened: false, selected: null, trouble: null });
  app.changed();
}

/**
 * @param {App} app
 * @param {import('../client/whisper.js').TroubleEvent} event
 */
async function onTrouble(app, { error }) {
  if (error.code.startsWith('permission_')) return fail(app, error);
  if (error.code !== 'identity_changed') return app.notices.alert(error, { key: 'trouble' });
  await stop(app);
  Object.assign(app.state, { identity: (await Identity.load().catch(() => undefined)) ?? null, trouble: error });
  app.changed();
}

/**
 * Go back to whom a reload has cut off, or where the link of this page points.
 * @param {App} app
 */
function begin(app) {
  const { state } = app;
  const connected = takeConnected();
  for (const each of connected) void reconnect(app, each);
  const wanted = readLink() ?? state.invited ?? state.selected ?? connected[0]?.address;
  clearLink();
  state.invited = null;
  if (state.linking) app.notices.say(t('welcome.linking'));
  if (wanted && wanted !== state.identity?.address) select(app, wanted);
  else if (wanted) app.notices.say(t('welcome.ownLink'));
}

/**
 * @param {App} app
 * @param {unknown} error
 */
function fail(app, error) {
  const { state } = app;
  const isPassing = PASSING.includes(codeOf(error)) || !navigator.onLine;
  const isShown = state.hasOpened && (isPassing || codeOf(error).startsWith('permission_'));
  Object.assign(state, { phase: isShown ? 'failed' : 'off', hasOpened: isShown, trouble: error });
  if (isShown && navigator.onLine) tellStart(app, error); // being offline has its own notice
  if (isShown && isPassing) retry = window.setTimeout(() => void start(app), RETRY_MS);
  app.changed();
}

/**
 * @param {App} app
 * @param {unknown} error
 */
function tellStart(app, error) {
  const label = codeOf(error).startsWith('permission_') ? t('common.turnOn') : t('common.tryAgain');
  const canAsk = codeOf(error) !== 'permission_denied'; // else only the browser's settings help, and are followed
  app.notices.alert(error, { key: 'start', lasting: true, ...(canAsk && { action: { label, run: () => start(app) } }) });
}
