/**
 * Forms that export everything into a file, and import such a file.
 * @module
 */

import { exportAll, importAll } from '../../storage/export-import.js';
import { t } from '../../texts/translation.js';
import { button, byId, dialog, element, input, setAttribute } from '../dom.js';
import { saveFile } from '../download.js';
import { showTrouble } from '../notices.js';
import { passphraseFields } from '../passphrase-fields.js';

/** @typedef {import('../../state.js').App} App */

/**
 * @param {App} app
 * @returns {() => void} clear the forms
 */
export function exportView(app) {
  const passphrases = passphraseFields('export-passphrase', 'export-passphrase-again', 'export-fault');
  const forms = ['export-form', 'import-form'].map((id) => byId(id, HTMLFormElement));

  onSubmit('export-form', 'export-save', async () => {
    if (!passphrases.check()) return;
    const file = await exportAll(app, passphrases.value());
    saveFile(`whisper-${new Date().toISOString().slice(0, 10)}.whisper`, file);
    passphrases.clear();
  });
  onSubmit('import-form', 'import-save', async () => {
    const [file] = input('import-file').files ?? [];
    if (!file) return;
    const added = await importAll(app, file, input('import-passphrase').value);
    dialog('settings-dialog').close();
    app.notices.say(t('export.added', added));
  });

  return () => {
    for (const form of forms) form.reset();
    showTrouble(element('export-trouble'), null);
  };
}

/**
 * @param {string} form
 * @param {string} press the button that is busy meanwhile
 * @param {() => Promise<void>} act
 */
function onSubmit(form, press, act) {
  byId(form, HTMLFormElement).addEventListener('submit', async (event) => {
    event.preventDefault();
    if (button(press).getAttribute('aria-busy')) return;
    setAttribute(button(press), 'aria-busy', 'true');
    showTrouble(element('export-trouble'), null);
    try {
      await act();
    } catch (error) {
      showTrouble(element('export-trouble'), error);
    }
    setAttribute(button(press), 'aria-busy', null);
  });
}
