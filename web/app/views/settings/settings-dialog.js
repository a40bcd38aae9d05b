/**
 * Settings dialog: identity, backup, language, and what is kept.
 * @module
 */

import { hasReadMarks } from '../../chat/message-changes.js';
import { cleanName } from '../../display-names.js';
import { linkToDevice, reload } from '../../links.js';
import { createWithBackup, forget, restore, saveBackup, start } from '../../session.js';
import { copyText, shareLink } from '../../share-address.js';
import { recall, remember } from '../../storage/web-storage.js';
import { LANGUAGES, t } from '../../texts/translation.js';
import { button, byId, create, dialog, element, input, onClick, setAttribute, setText } from '../dom.js';
import { showTrouble } from '../notices.js';
import { passphraseFields } from '../passphrase-fields.js';
import { exportView } from './export-view.js';
import { drawLinkedDevices } from './linked-devices.js';

/** @typedef {import('../../state.js').App} App */
/** @typedef {import('../confirm-dialog.js').Confirm} Confirm */

/**
 * @param {App} app
 * @param {{confirm: Confirm, offerBackup: (backup: string) => void}} dialogs
 * @returns {() => void} open the settings
 */
export function settingsDialog(app, { confirm, offerBackup }) {
  listenToAddress(app);
  listenToChoices(app);
  listenToIdentity(app, { confirm, offerBackup });
  const clearExport = exportView(app);
  return () => {
    clearExport();
    openSettings(app);
  };
}

function close() {
  dialog('settings-dialog').close();
}

/**
 * Close, and let the address and the link to another device be copied, shared and saved.
 * @param {App} app
 */
function listenToAddress(app) {
  const { state } = app;
  const mine = () => state.identity?.address ?? '';
  onClick('settings-close', close);
  onClick('settings-copy', () => copyText(app, mine(), t('common.addressCopied')));
  onClick('settings-share', () => shareLink(app, mine()));
  onClick('copy-device-link', () => copyText(app, linkToDevice(state.identity?.recovery ?? ''), t('settings.linkCopied')));
  onClick('save-device-file', () => saveBackup(mine(), state.identity?.recovery ?? ''));
}

/**
 * Remember the name, the language, how long chats are kept, and whether read marks are told.
 * @param {App} app
 */
function listenToChoices(app) {
  const name = input('my-name');
  name.addEventListener('change', () => {
    remember('whisper.name', cleanName(name.value) || null);
    app.changed();
  });
  listenToLanguage();
  const keepFor = byId('keep-for', HTMLSelectElement);
  keepFor.value = app.chatRepository.keepFor;
  keepFor.addEventListener('change', () => {
    app.chatRepository.keepFor = /** @type {import('../../storage/chat-repository.js').KeepFor} */ (keepFor.value);
  });
  const readMarks = input('read-marks');
  readMarks.checked = hasReadMarks();
  readMarks.addEventListener('change', () => remember('whisper.read-marks', readMarks.checked ? 'yes' : null));
}

/**
 * Replace the identity by a new one or by that of a backup, or forget it.
 * @param {App} app
 * @param {{confirm: Confirm, offerBackup: (backup: string) => void}} dialogs
 */
function listenToIdentity(app, { confirm, offerBackup }) {
  const { state } = app;
  const passphrases = passphraseFields('new-passphrase', 'new-passphrase-again', 'new-fault');
  onSubmit('new-form', 'new-address', async () => {
    if (!passphrases.check()) return;
    const backup = await createWithBackup(app, passphrases.value());
    close();
    offerBackup(backup);
    await start(app);
  });
  onSubmit('replace-form', 'replace', async () => {
    const [file] = input('replace-file').files ?? [];
    const chosen = file ?? (state.linking && new Blob([state.linking]));
    if (!chosen) return;
    await restore(app, chosen, input('replace-passphrase').value);
    state.linking = null;
    close();
    await start(app);
  });
  onClick('forget', async () => {
    if (!(await confirm({ title: t('settings.sureForget'), text: t('settings.sureForgetText'), yes: t('settings.forget') }))) return;
    await attempt('forget', async () => {
      await forget(app);
      close();
    });
  });
}

/** Offer the languages; the page opens again in the chosen one. */
function listenToLanguage() {
  const list = byId('language', HTMLSelectElement);
  list.append(...Object.entries(LANGUAGES).map(([code, name]) => create('option', { value: code, lang: code }, name)));
  list.value = recall('whisper.language') ?? '';
  list.addEventListener('change', () => {
    remember('whisper.language', list.value || null);
    reload();
  });
}

/** @param {App} app */
function openSettings(app) {
  const { identity, whisper, chats } = app.state;
  setAttribute(byId('language', HTMLSelectElement), 'disabled', [...chats.values()].some(({ peer, dialling }) => peer || dialling)); // it reloads the page
  input('my-name').value = recall('whisper.name') ?? '';
  setText(element('full-address'), identity?.address ?? '');
  setText(element('dropped'), droppedText(whisper?.dropped ?? {}));
  showTrouble(element('settings-trouble'), null);
  for (const id of ['new-form', 'replace-form']) byId(id, HTMLFormElement).reset();
  input('replace-file').required = app.state.linking === null;
  for (const details of dialog('settings-dialog').querySelectorAll('details')) details.open = details.id === 'replace-details' && app.state.linking !== null;
  drawRecovery(identity);
  drawLinkedDevices(app);
  dialog('settings-dialog').showModal();
}

/** @param {import('../../state.js').State['identity']} identity */
function drawRecovery(identity) {
  setText(element('recovery-code'), identity?.recoveryCode ?? '········');
  const hint = identity?.recoveryCode
    ? t('settings.recoveryNow')
    : t('settings.recoveryGone');
  setText(element('recovery-hint'), hint);
  for (const id of ['copy-device-link', 'save-device-file']) button(id).disabled = !identity?.recovery;
}

/**
 * @param {string} form
 * @param {string} press the button that is busy meanwhile
 * @param {() => Promise<void>} act
 */
function onSubmit(form, press, act) {
  byId(form, HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    void attempt(press, act);
  });
}

/**
 * @param {string} press
 * @param {() => Promise<void>} act
 */
async function attempt(press, act) {
  if (button(press).getAttribute('aria-busy')) return;
  setAttribute(button(press), 'aria-busy', 'true');
  try {
    await act();
    showTrouble(element('settings-trouble'), null);
  } catch (error) {
    showTrouble(element('settings-trouble'), error);
    element('settings-trouble').scrollIntoView({ block: 'nearest' });
  }
  setAttribute(button(press), 'aria-busy', null);
}

/** @param {Readonly<Record<string, number>>} dropped */
function droppedText(dropped) {
  const reasons = Object.entries(dropped).map(([reason, count]) => `${reason.replaceAll('_', ' ')}: ${count}`);
  return reasons.length ? `${reasons.join(', ')}.` : t('settings.noneDropped');
}
