/**
 * Confirmation dialog: a question before something that can't be undone.
 * @module
 */

import { button, dialog, element, onClick, setText } from './dom.js';

/** @typedef {(question: {title: string, text: string, yes: string}) => Promise<boolean>} Confirm */

/**
 * @returns {Confirm} ask before something that can't be undone
 */
export function confirmDialog() {
  const box = dialog('confirm-dialog');
  onClick('confirm-yes', () => box.close('yes'));
  onClick('confirm-no', () => box.close('no'));
  return ({ title, text, yes }) => {
    setText(element('confirm-title'), title);
    setText(element('confirm-text'), text);
    setText(button('confirm-yes'), yes);
    box.returnValue = 'no';
    box.showModal();
    button('confirm-no').focus();
    return new Promise((resolve) => {
      box.addEventListener('close', () => resolve(box.returnValue === 'yes'), { once: true });
    });
  };
}
