/**
 * Two fields for a new passphrase, and their validation.
 * @module
 */

import { element, input, setAttribute, setText } from './dom.js';
import { t } from '../texts/translation.js';

/** Whoever finds the file can try as many as they like. */
const MIN_LENGTH = 10;

/**
 * @param {string} first the id of the field
 * @param {string} second of the field for the repetition
 * @param {string} fault of the place that says what is wrong
 */
export function passphraseFields(first, second, fault) {
  const [one, other] = [input(first), input(second)];

  const findFault = () => {
    if (one.value.length < MIN_LENGTH) return t('backup.tooShort', { count: MIN_LENGTH });
    return one.value === other.value ? '' : t('backup.different');
  };
  /** @param {string} text */
  const showFault = (text) => {
    setText(element(fault), text);
    setAttribute(one, 'aria-invalid', text ? 'true' : null);
  };
  for (const field of [one, other]) field.addEventListener('input', () => showFault(''));

  return {
    areEmpty: () => one.value === '' && other.value === '',
    value: () => one.value,
    clear: () => {
      one.value = '';
      other.value = '';
    },
    /** @returns {boolean} whether it can be used; if not, it is said why */
    check: () => {
      const found = findFault();
      showFault(found);
      if (found) one.focus();
      return !found;
    },
  };
}
