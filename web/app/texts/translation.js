/**
 * Translation of the app's texts: the table of one language, chosen by the browser or in the settings, with English behind it.
 * @module
 */

import { pause } from '../../client/promises.js';
import { TEXTS as ENGLISH } from '../../languages/en.js';
import { appUrl } from '../links.js';
import { recall } from '../storage/web-storage.js';

/** @typedef {keyof typeof ENGLISH} Key */
/** @typedef {import('../../languages/en.js').Entry} Entry */
/** @typedef {Record<string, string | number>} Values */

/** The languages, by their codes and their own names; each has a file in `languages/`. */
export const LANGUAGES = Object.freeze({ en: 'English', de: 'Deutsch', ar: 'العربية' });

/** Written from right to left. */
const RIGHT_TO_LEFT = ['ar', 'fa', 'he', 'ur'];
export const LETTER_FROM_THE_RIGHT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;
/** Later, the page opens in English: a call is worth more than its words. */
const LOADING_MS = 4000;

let language = 'en';
/** With the region, which decides on dates and numbers. @type {string | undefined} */
let locale;
/** @type {Readonly<Partial<Record<string, Entry>>>} */
let texts = ENGLISH;

/** Take the person's language, before anything is shown. Without its file, the texts are English. */
export async function loadLanguage() {
  const wanted = pickLanguage(navigator.languages, recall('whisper.language'));
  if (wanted.language !== 'en') {
    const loading = import(`${appUrl()}languages/${wanted.language}.js`).catch(() => null);
    const loaded = await Promise.race([loading, pause(LOADING_MS)]);
    if (!loaded) return;
    texts = loaded.TEXTS;
  }
  ({ language, locale } = wanted);
}

/**
 * Return the first of the wanted languages that the app has.
 * @param {readonly string[]} wanted the browser's, by preference
 * @param {string | null} chosen in the settings
 * @returns {{language: string, locale: string | undefined}} `locale`: with a region, if the browser names one
 */
export function pickLanguage(wanted, chosen) {
  const isKnown = (/** @type {string} */ tag) => Object.hasOwn(LANGUAGES, codeOf(tag));
  const first = chosen && isKnown(chosen) ? chosen : (wanted.find(isKnown) ?? 'en');
  const code = codeOf(first);
  return { language: code, locale: wanted.find((tag) => codeOf(tag) === code) ?? code };
}

/** @returns {{lang: string, dir: 'ltr' | 'rtl'}} of the texts */
export function languageOfTexts() {
  return { lang: language, dir: isRightToLeft() ? 'rtl' : 'ltr' };
}

/** @returns {string | undefined} for dates and numbers; the browser's own, if undefined */
export function localeOfTexts() {
  return locale;
}

/**
 * @param {string} key
 * @returns {key is Key} whether there is such a text
 */
export function hasText(key) {
  return Object.hasOwn(ENGLISH, key);
}

/**
 * Return a text in the person's language. `count` decides on its plural form.
 * @param {Key} key
 * @param {Values} [values] in the place of `{name}`
 */
export function t(key, values = {}) {
  const entry = entryOf(key);
  return fill(typeof entry === 'string' ? entry : formOf(/** @type {Record<string, string>} */ (entry), Number(values.count)), values);
}

/**
 * Return a text in two parts.
 * @param {Key} key
 * @param {Values} [values]
 * @returns {{title: string, advice: string}}
 */
export function wordsFor(key, values = {}) {
  const [title, advice] = /** @type {readonly [string, string]} */ (entryOf(key));
  return { title: fill(title, values), advice: fill(advice, values) };
}

/** @param {Key} key */
function entryOf(key) {
  return texts[key] ?? ENGLISH[key];
}

/**
 * @param {Record<string, string>} forms by plural category
 * @param {number} count
 */
function formOf(forms, count) {
  return forms[new Intl.PluralRules(language).select(count)] ?? forms.other ?? '';
}

/**
 * @param {string} text
 * @param {Values} values
 */
function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => shownAs(values[name] ?? ''));
}

/** @param {string | number} value */
function shownAs(value) {
  return typeof value === 'number' ? value.toLocaleString(locale) : isolate(value);
}

/**
 * Isolate a name from the sentence around it, where they may run in different directions (Unicode UAX 9, FSI and PDI).
 * @param {string} value
 */
function isolate(value) {
  return isRightToLeft() || LETTER_FROM_THE_RIGHT.test(value) ? `\u2068${value}\u2069` : value;
}

function isRightToLeft() {
  return RIGHT_TO_LEFT.includes(language);
}

/** @param {string} tag */
function codeOf(tag) {
  return tag.toLowerCase().split('-')[0] ?? '';
}
