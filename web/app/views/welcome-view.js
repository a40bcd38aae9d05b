/**
 * Welcome page: what Whisper is, and one button.
 * @module
 */

import { cleanName, shortAddress } from '../display-names.js';
import { createWithBackup, restore, start } from '../session.js';
import { nameOf } from '../state.js';
import { remember } from '../storage/web-storage.js';
import { t } from '../texts/translation.js';
import { drawAvatar } from './avatar.js';
import { button, byId, element, input, onClick, setAttribute, setShown, setText } from './dom.js';
import { needsHomeScreen } from './install-view.js';
import { showTrouble } from './notices.js';
import { passphraseFields } from './passphrase-fields.js';

/** @typedef {import('../state.js').App} App */

/**
 * @param {App} app
 * @param {{offerBackup: (backup: string) => void}} dialogs
 * @returns {() => void} draw
 */
export function welcomeView(app, { offerBackup }) {
  const { state } = app;
  const passphrases = passphraseFields('passphrase', 'passphrase-again', 'passphrase-fault');
  const backupDetails = byId('backup-details', HTMLDetailsElement);
  let isBusy = false;

  onClick('turn-on', () =>
    work(async () => {
      if (!state.identity) remember('whisper.name', cleanName(input('welcome-name').value) || null);
      if (!backupDetails.open || state.identity || passphrases.areEmpty()) return;
      if (!passphrases.check()) return false;
      await askPermission(); // now, while the click counts: making the backup takes a second
      offerBackup(await createWithBackup(app, passphrases.value()));
      passphrases.clear();
    }),
  );
  byId('restore-form', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    void work(() => restoreChosen(app));
  });

  /**
   * Do what has to be done before, and start.
   * @param {() => Promise<boolean | void>} prepare false: do not start
   */
  async function work(prepare) {
    if (isBusy) return;
    Object.assign(state, { trouble: null });
    isBusy = true;
    app.changed();
    try {
      if ((await prepare()) !== false) await start(app);
    } catch (error) {
      state.trouble = error;
    }
    isBusy = false;
    app.changed();
  }

  return () => draw(state, isBusy);
}

/** @param {App} app */
async function restoreChosen(app) {
  const [file] = input('restore-file').files ?? [];
  const chosen = file ?? (app.state.linking && new Blob([app.state.linking]));
  await askPermission();
  if (chosen) await restore(app, chosen, input('restore-passphrase').value);
  input('restore-passphrase').value = '';
  app.state.linking = null;
}

async function askPermission() {
  if ('Notification' in globalThis && Notification.permission === 'default') await Notification.requestPermission();
}

/**
 * @param {import('../state.js').State} state
 * @param {boolean} isBusy
 */
function draw(state, isBusy) {
  const { identity, invited } = state;
  const isShown = !state.hasOpened && state.phase !== 'loading';
  setShown(element('welcome'), isShown);
  if (!isShown) return;
  const lead = identity ? t('welcome.off', { address: shortAddress(identity.address) }) : t('welcome.lead');
  setText(element('welcome-lead'), lead);
  setShown(element('first-time'), !identity);
  setShown(element('welcome-name-label'), !identity);
  drawLinking(state.linking !== null);
  setShown(element('ios-hint'), needsHomeScreen());
  showTrouble(element('welcome-trouble'), state.trouble);
  setAttribute(button('turn-on'), 'aria-busy', isBusy || null);
  setAttribute(button('turn-on'), 'aria-disabled', isBusy || null);
  setText(button('turn-on'), isBusy ? t('welcome.turningOn') : t('common.turnOn'));
  setShown(element('invitation'), invited !== null);
  if (!invited) return;
  const name = state.contacts.get(invited)?.name ?? '';
  drawAvatar(element('invitation-avatar'), invited, name);
  setText(element('invitation-text'), t('welcome.invited', { name: nameOf(state, invited) }));
}

/**
 * A link of another device stands for the file: only the code is missing.
 * @param {boolean} isLinking
 */
function drawLinking(isLinking) {
  setShown(element('linking'), isLinking);
  input('restore-file').required = !isLinking;
  if (isLinking) byId('restore-details', HTMLDetailsElement).open = true;
}
