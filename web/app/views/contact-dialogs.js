/**
 * Dialogs that add and rename a person.
 * @module
 */

import { WhisperError } from '../../client/whisper.js';
import { select } from '../calls.js';
import { remove, save } from '../contact-actions.js';
import { cleanName } from '../display-names.js';
import { wordsOf } from '../error-messages.js';
import { nameInLink, parseLink } from '../links.js';
import { blockPerson, unblockPerson } from '../reachability/screening-settings.js';
import { copyText } from '../share-address.js';
import { nameOf } from '../state.js';
import { t } from '../texts/translation.js';
import { button, byId, dialog, element, input, onClick, setAttribute, setShown, setText } from './dom.js';
import { qrScanView } from './qr/qr-scan-view.js';

/** @typedef {import('../state.js').App} App */
/** @typedef {import('../state.js').Chat} Chat */

/**
 * @param {App} app
 * @returns {(address?: string) => void} open the dialog that adds a person
 */
export function addDialog(app) {
  const { state } = app;
  const field = byId('address-field', HTMLTextAreaElement);
  const check = () => showFault(state, field);
  const onInput = () => {
    check();
    input('name-field').value ||= cleanName(nameInLink(field.value));
  };
  field.addEventListener('input', onInput);
  const offerScan = qrScanView((text) => {
    field.value = text;
    onInput();
    input('name-field').focus();
  });
  const form = byId('add-form', HTMLFormElement);
  field.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    form.requestSubmit();
  });
  onClick('add-cancel', () => dialog('add-dialog').close());
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    check();
    if (faultOf(state, field.value)) return field.focus();
    const address = parseLink(field.value);
    dialog('add-dialog').close();
    await save(app, address, input('name-field').value);
    select(app, address);
  });

  return (address = '') => {
    field.value = address;
    field.readOnly = address !== '';
    input('name-field').value = state.chats.get(address)?.says ?? '';
    check();
    offerScan();
    dialog('add-dialog').showModal();
    (address ? input('name-field') : field).focus();
  };
}

/**
 * Say what is wrong with the address in a field, if there is one.
 * @param {import('../state.js').State} state
 * @param {HTMLTextAreaElement} field
 */
function showFault(state, field) {
  const fault = field.value.trim() === '' ? '' : faultOf(state, field.value);
  setText(element('address-fault'), fault);
  setAttribute(field, 'aria-invalid', fault ? 'true' : null);
}

/**
 * @param {import('../state.js').State} state
 * @param {string} typed
 * @returns {string} what is wrong with an address, '' when nothing is
 */
function faultOf(state, typed) {
  try {
    const address = parseLink(typed);
    if (address === state.identity?.address) return t('person.isMe');
    return state.contacts.has(address) ? t('person.isKnown', { name: nameOf(state, address) }) : '';
  } catch (error) {
    const { title, advice } = wordsOf(error);
    const fault = error instanceof WhisperError ? error.fault : undefined;
    return fault ? t(`addressFault.${fault.kind}`, { count: fault.length }) : `${title}. ${advice}`;
  }
}

/**
 * @param {App} app
 * @param {(question: {title: string, text: string, yes: string}) => Promise<boolean>} confirm
 * @returns {(chat: Chat) => void} open the dialog about a person
 */
export function personDialog(app, confirm) {
  const { state } = app;
  let address = '';
  const close = () => dialog('person-dialog').close();
  onClick('person-close', close);
  onClick('copy-person', () => copyText(app, address, t('common.addressCopied')));
  byId('person-form', HTMLFormElement).addEventListener('submit', async (event) => {
    event.preventDefault();
    close();
    await save(app, address, input('rename-field').value);
  });
  onClick('delete-chat', async () => {
    const title = t('person.sureDelete', { name: nameOf(state, address) });
    if (!(await confirm({ title, text: t('person.sureDeleteText'), yes: t('common.delete') }))) return;
    close();
    await app.chatRepository.delete(address).catch((/** @type {unknown} */ error) => app.notices.alert(error, { key: 'chats' }));
  });
  onClick('block-person', async () => {
    if (state.screening.blocked.has(address)) {
      close();
      return unblockPerson(app, address);
    }
    const title = t('block.sure', { name: nameOf(state, address) });
    if (!(await confirm({ title, text: t('block.sureText'), yes: t('block.block') }))) return;
    close();
    await blockPerson(app, address);
  });
  onClick('remove-person', async () => {
    const title = t('person.sureRemove', { name: nameOf(state, address) });
    if (!(await confirm({ title, text: t('person.sureRemoveText'), yes: t('common.remove') }))) return;
    close();
    await remove(app, address);
  });

  return (chat) => {
    address = chat.address;
    drawPerson(state, chat);
    dialog('person-dialog').showModal();
  };
}

/**
 * @param {import('../state.js').State} state
 * @param {Chat} chat
 */
function drawPerson(state, { address, route, routeDetail: detail, says }) {
  setText(element('person-title'), nameOf(state, address));
  setText(element('person-address'), address);
  setText(element('person-route'), t('person.route', { route, detail }));
  setShown(element('person-connection'), route !== '');
  input('rename-field').value = state.contacts.get(address)?.name || says;
  setText(button('block-person'), state.screening.blocked.has(address) ? t('block.unblock') : t('block.block'));
  setShown(button('remove-person'), true);
}
