/**
 * Texts of the page's own elements, in the person's language; `data-text`, `data-label` and `data-placeholder` name them.
 * @module
 */

import { keepWords, KEYS } from '../texts/notification-texts.js';
import { languageOfTexts, t } from '../texts/translation.js';
import { setAttribute, setText } from './dom.js';

/** @typedef {import('../texts/translation.js').Key} Key */

/** Translate the page, before it is drawn: it comes in English. */
export function translatePage() {
  const { lang, dir } = languageOfTexts();
  const words = { lang, dir, texts: Object.fromEntries(KEYS.map((key) => [key, t(key)])) };
  void keepWords(lang === 'en' ? null : words).catch(() => undefined); // where nothing is kept, the worker's are English
  if (lang === 'en') return;
  Object.assign(document.documentElement, { lang, dir });
  for (const [element, text] of textsOf('text')) setText(element, text);
  for (const [element, text] of textsOf('placeholder')) setAttribute(element, 'placeholder', text);
  for (const [element, text] of textsOf('label')) {
    setAttribute(element, 'aria-label', text);
    if (element.hasAttribute('title')) setAttribute(element, 'title', text);
  }
}

/**
 * @param {'text' | 'label' | 'placeholder'} kind
 * @returns {(readonly [element: HTMLElement, text: string])[]}
 */
function textsOf(kind) {
  const named = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(`[data-${kind}]`));
  return [...named].map((element) => [element, t(/** @type {Key} */ (element.dataset[kind]))]);
}
