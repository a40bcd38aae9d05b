/**
 * The first page: what Whisper is, and one button.
 * @module
 */

import { nameOf } from '../state.js';
import { paint } from './avatar.js';
import { byId, button, element, input, mark, onClick, show, write } from './dom.js';
import { needsHomeScreen } from './install-view.js';
import { showTrouble } from './notices.js';
import { passphraseFields } from './passphrase-fields.js';
import { createWithBackup, restore, start } from '../session.js';
import { shortAddress } from '../contacts.js';

/** @typedef {import('../state.js').App} App */

const LEAD = 'Ring somebody and talk, write or send files straight from your device to theirs, with no account and nobody in between.';

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
      if (!backupDetails.open || state.identity || passphrases.areEmpty()) return;
      if (!passphrases.check()) return false;
      await askPermission(); // now, while the click counts: making the backup takes a second
      offerBackup(await createWithBackup(app, passphrases.value()));
      passphrases.clear();
    }),
  );
  byId('restore-form', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    void work(async () => {
      const [file] = input('restore-file').files ?? [];
      await askPermission();
      if (file) await restore(app, file, input('restore-passphrase').value);
      input('restore-passphrase').value = '';
    });
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

  return () => {
    const { identity, invited } = state;
    const isShown = !state.hasOpened && state.phase !== 'loading';
    show(element('welcome'), isShown);
    if (!isShown) return;
    const lead = identity ? `Calls are switched off. Your address ${shortAddress(identity.address)} is still here.` : LEAD;
    write(element('welcome-lead'), lead);
    show(element('first-time'), !identity);
    show(element('ios-hint'), needsHomeScreen());
    showTrouble(element('welcome-trouble'), state.trouble);
    mark(button('turn-on'), 'aria-busy', isBusy || null);
    mark(button('turn-on'), 'aria-disabled', isBusy || null);
    write(button('turn-on'), isBusy ? 'Turning on…' : 'Turn on calls');
    show(element('invitation'), invited !== null);
    if (!invited) return;
    const name = state.contacts.get(invited)?.name ?? '';
    paint(element('invitation-avatar'), invited, name);
    write(element('invitation-text'), `You were given the link of ${nameOf(state, invited)}. Turn on calls, then ring with one click.`);
  };
}

async function askPermission() {
  if ('Notification' in globalThis && Notification.permission === 'default') await Notification.requestPermission();
}
