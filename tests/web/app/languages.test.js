/** Languages of the app: every text that a person sees is in each of them, and nothing else is. */

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

import { LANGUAGES } from '../../../web/app/texts/translation.js';

const WEB = fileURLToPath(new URL('../../../web/', import.meta.url));
const read = (file) => readFileSync(WEB + file, 'utf8');
const HTML = read('index.html').replace(/<svg[^]*?<\/svg>/g, '').replace(/^[^]*<body>/, '');
const CODE = new Map(['sw.js', ...globSync('app/**/*.js', { cwd: WEB })].map((file) => [file, read(file).replace(/\/\*[^]*?\*\/|(?<=\s|^)\/\/.*$/gm, '')]));
const ALL_CODE = [...CODE.values()].join('\n');

const tables = await Promise.all(Object.keys(LANGUAGES).map(async (code) => [code, (await import(`../../../web/languages/${code}.js`)).TEXTS]));
const TEXTS = new Map(tables);
const ENGLISH = TEXTS.get('en');

const ATTRIBUTES = { label: 'aria-label', placeholder: 'placeholder' };
/** Element names and attributes of each opening tag, with the text up to the next tag. */
const TAGS = [...HTML.matchAll(/<(\w+)([^>]*)>([^<]*)/g)].map(([, name, attributes, text]) => ({
  name,
  text: text.trim(),
  attributes: Object.fromEntries([...attributes.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, key, value]) => [key, value])),
}));
/** What no language translates. */
const NAME = 'Whisper';
/** Words of the platform, and the languages' own names. */
const NO_TEXTS = [NAME, 'Enter', 'Escape', 'Files', 'Notification', ...Object.values(LANGUAGES)];

/** Return the forms of an entry: one, its two parts, or one for each plural category. */
const formsOf = (entry) => (typeof entry === 'string' ? [entry] : Object.values(entry));
/** Return the placeholders of a text, in order of their names. */
const placeholdersOf = (text) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();

for (const [code, texts] of TEXTS) {
  test(`${code} has every text, and no other`, () => {
    assert.deepEqual(Object.keys(texts), Object.keys(ENGLISH));
  });

  test(`the texts in ${code} have the same shape and placeholders as the English ones`, () => {
    for (const [key, entry] of Object.entries(texts)) {
      const english = ENGLISH[key];
      assert.deepEqual([typeof entry, Array.isArray(entry)], [typeof english, Array.isArray(english)], key);
      const wanted = formsOf(english).map((text) => placeholdersOf(text).join());
      for (const [at, text] of formsOf(entry).entries()) assert.equal(placeholdersOf(text).join(), Array.isArray(entry) ? wanted[at] : wanted[0], key);
    }
  });

  test(`what is counted in ${code} has each of its plural forms`, () => {
    const categories = new Intl.PluralRules(code).resolvedOptions().pluralCategories.toSorted();
    const plurals = Object.entries(texts).filter(([, entry]) => typeof entry === 'object' && !Array.isArray(entry));

    for (const [key, forms] of plurals) assert.deepEqual(Object.keys(forms).sort(), categories, key);
  });

  test(`who says what a button shows presses it: its name has that text, in ${code}`, () => {
    const named = Object.keys(texts).flatMap((key) => [/^(person\.\w+)Label$/, /^(file\.\w+)Named$/].map((pattern) => [key, pattern.exec(key)?.[1]]));

    for (const [key, shown] of named) if (shown) assert.ok(texts[key].toLocaleLowerCase(code).includes((texts[shown] ?? texts[`${shown}Button`]).toLocaleLowerCase(code)), key);
  });

  test(`no text in ${code} is empty or has spaces at its ends`, () => {
    for (const [key, entry] of Object.entries(texts)) for (const text of formsOf(entry)) assert.ok(text && text === text.trim(), key);
  });
}

test('every key in the code and in the page is of a text', () => {
  const named = [...ALL_CODE.matchAll(/\b(?:t|wordsFor|text)\((?:[^()'`]*\? )?'([^']+)'/g)].map(([, key]) => key);
  const inPage = TAGS.flatMap(({ attributes }) => ['data-text', 'data-label', 'data-placeholder'].map((name) => attributes[name])).filter(Boolean);

  assert.ok(named.length > 100 && inPage.length > 80);
  assert.deepEqual([...named, ...inPage].filter((key) => !Object.hasOwn(ENGLISH, key)), []);
});

test('every text is used', () => {
  const families = [...ALL_CODE.matchAll(/`(\w+\.)\$\{[^}]*\}(\w*)`/g)];
  const isUsed = (key) =>
    [`'${key}'`, `"${key}"`].some((quoted) => ALL_CODE.includes(quoted) || HTML.includes(quoted)) || families.some(([, begin, end]) => key.startsWith(begin) && key.endsWith(end));

  assert.deepEqual(Object.keys(ENGLISH).filter((key) => !isUsed(key)), []);
});

test('the page has the English texts, and each by its key', () => {
  for (const { name, text, attributes } of TAGS) {
    const key = attributes['data-text'];
    if (key) assert.equal(text, ENGLISH[key]);
    else assert.ok(!/\p{L}/u.test(text) || text === NAME, `<${name}> ${text}`);
    for (const [kind, attribute] of Object.entries(ATTRIBUTES)) assert.equal(attributes[attribute], ENGLISH[attributes[`data-${kind}`]], `<${name} id="${attributes.id}">`);
    if (attributes.title) assert.equal(attributes.title, attributes['aria-label']);
  }
});

test('no text stands between two elements of the page', () => {
  const texts = [...HTML.matchAll(/<\/\w+>([^<]*)|<(?:input|br)[^>]*>([^<]*)/g)].map((found) => (found[1] ?? found[2]).trim());

  assert.deepEqual(texts.filter((text) => /\p{L}/u.test(text)), []);
});

test('no sentence is written in the code', () => {
  const isSentence = (text) => /^[\p{Lu}“][\p{Ll}’]+($|[ .,:…?!])|[\p{L}’…] [\p{Ll}]+ [\p{Ll}]/u.test(text) && !NO_TEXTS.includes(text);
  const found = [...CODE].flatMap(([file, code]) => {
    const withoutClasses = code.replace(/class: (?:'[^']*'|`[^`]*`)|new \w*Error\([^\n]*\)/g, '');
    return [...withoutClasses.matchAll(/'([^'\n]*)'|`([^`]*)`/g)].map(([, plain, template]) => `${file}: ${plain ?? template.replace(/\$\{[^}]*\}/g, 'x')}`);
  });

  assert.deepEqual(found.filter((line) => isSentence(line.slice(line.indexOf(': ') + 2))), []);
});
