/**
 * Alerts that stay until they are dismissed, and toasts that pass.
 * @module
 */

import { codeOf, wordsOf } from '../error-messages.js';
import { create, element, icon, setText } from './dom.js';
import { t } from '../texts/translation.js';

/** @typedef {{key: string, words?: import('../error-messages.js').Words, action?: {label: string, run: () => unknown}, lasting?: boolean}} Alert
 * `key`: a second alert with it takes the place of the first; `lasting`: it can't be dismissed
 */

const TOAST_MS = 3500;
const MAX_ALERTS = 3;

/** Alerts and toasts of the page. */
export class Notices {
  /** @type {Map<string, HTMLElement>} */
  #shown = new Map();
  #alerts = element('alerts');
  #toast = element('toast');
  #timer = 0;

  /**
   * Tell of a failure.
   * @param {unknown} error
   * @param {Alert} how
   */
  alert(error, { key, words = wordsOf(error), action, lasting = false }) {
    this.dismiss(key);
    const card = create(
      'div',
      { class: 'alert', 'data-code': codeOf(error) || key },
      create('div', { class: 'grow' }, create('p', { class: 'strong' }, words.title), create('p', { class: 'small' }, words.advice)),
      action && create('button', { class: 'button small', type: 'button', onclick: () => void action.run() }, action.label),
      !lasting && this.#closeButton(key),
    );
    this.#shown.set(key, card);
    this.#alerts.append(card);
    const [oldest] = this.#shown.keys();
    if (this.#shown.size > MAX_ALERTS && oldest) this.dismiss(oldest);
  }

  /** @param {string} key */
  dismiss(key) {
    this.#shown.get(key)?.remove();
    this.#shown.delete(key);
  }

  /**
   * Say something in passing.
   * @param {string} text
   */
  say(text) {
    clearTimeout(this.#timer);
    setText(this.#toast, text);
    this.#timer = window.setTimeout(() => setText(this.#toast, ''), TOAST_MS);
  }

  /** @param {string} key */
  #closeButton(key) {
    const close = () => this.dismiss(key);
    return create('button', { class: 'icon-button', type: 'button', 'aria-label': t('common.dismiss'), title: t('common.dismiss'), onclick: close }, icon('close'));
  }
}

/**
 * Show a failure in its own place, or clear it.
 * @param {HTMLElement} place a live region
 * @param {unknown} error nothing: all is well
 */
export function showTrouble(place, error) {
  const { title, advice } = error ? wordsOf(error) : { title: '', advice: '' };
  place.hidden = !error;
  if (place.textContent === title + advice) return;
  place.dataset.code = codeOf(error);
  place.replaceChildren(create('p', { class: 'strong' }, title), create('p', { class: 'small' }, advice));
}
