/**
 * Backup dialog: the backup of a new identity was saved, and can be saved once more.
 * @module
 */

import { saveBackup } from '../session.js';
import { dialog, onClick } from './dom.js';

/** @typedef {import('../state.js').App} App */

/**
 * @param {App} app
 * @returns {(backup: string) => void} tell that the backup was saved, and save it again on demand
 */
export function backupDialog(app) {
  let kept = '';
  onClick('save-backup', () => saveBackup(app.state.identity?.address ?? '', kept));
  onClick('backup-done', () => dialog('backup-dialog').close());
  dialog('backup-dialog').addEventListener('close', () => {
    kept = '';
  });
  return (backup) => {
    kept = backup;
    dialog('backup-dialog').showModal();
  };
}
