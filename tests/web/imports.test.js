/** Walls between the packages: who imports whom, and who may touch what of the browser. */

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** A link to client/: the app finds it beside itself, in the source and under any path prefix of a server. */
const LINK = 'web/client/';
const FILES = globSync(['client/**/*.js', 'web/**/*.js'], { cwd: ROOT }).filter((file) => !file.startsWith(LINK));
/** Tables of texts: they are looked up, not read. */
const LANGUAGES = 'web/languages/';
/** Import and export declarations, dynamic imports, and the types of others. */
const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*'([^']+)'/g;

/** Return a file's text without its comments, in which a word touches nothing. */
const codeOf = (file) => readFileSync(join(ROOT, file), 'utf8').replace(/\/\*[^]*?\*\/|(?<=\s|^)\/\/.*$/gm, '');
/** Return the files that *text* of *file* imports, from the root. */
const importsIn = (file, text) => [...text.matchAll(IMPORT)].map(([, name]) => fileAt(relative(ROOT, join(ROOT, dirname(file), name))));
/** Return the file at a path that may lead through the link. */
const fileAt = (path) => (path.startsWith(LINK) ? path.slice('web/'.length) : path);

const CODE = new Map(FILES.map((file) => [file, codeOf(file)]));
/** What each file imports when it runs, and what it names in types. */
const RUNS = new Map(FILES.map((file) => [file, importsIn(file, CODE.get(file))]));
const NAMES = new Map(FILES.map((file) => [file, importsIn(file, readFileSync(join(ROOT, file), 'utf8'))]));

/** Return the files in a folder. */
const inFolder = (folder) => FILES.filter((file) => file.startsWith(`${folder}/`));
/** Return the files of *files* in whose code *pattern* is found. */
const touching = (files, pattern) => files.filter((file) => pattern.test(CODE.get(file)));

/** Return a circle of imports through *file*, or nothing. */
function circle(file, path = []) {
  if (path.includes(file)) return path.slice(path.indexOf(file));
  if (circle.done.has(file)) return undefined;
  const found = (RUNS.get(file) ?? []).map((next) => circle(next, [...path, file])).find(Boolean);
  circle.done.add(file);
  return found;
}

test('the files are found, and their imports', () => {
  assert.ok(inFolder('client').length > 20 && inFolder('web').length > 30);
  assert.ok(RUNS.get('web/app/session.js').includes('client/whisper.js'));
  assert.ok(NAMES.get('web/app/views/chat/message-list-view.js').includes('web/app/state.js'));
});

test('every import is of a file that is there', () => {
  const missing = [...NAMES].flatMap(([file, names]) => names.filter((name) => !FILES.includes(name)).map((name) => `${file}: ${name}`));

  assert.deepEqual(missing, []);
});

test('the client knows no app', () => {
  const known = inFolder('client').filter((file) => NAMES.get(file).some((name) => !name.startsWith('client/')));

  assert.deepEqual(known, []);
});

test('the protocol is pure: it imports nothing from outside', () => {
  const known = inFolder('client/protocol').filter((file) => NAMES.get(file).some((name) => !name.startsWith('client/protocol/')));

  assert.deepEqual(known, []);
});

test('the protocol is pure: it has no network, no storage, no clock and no page', () => {
  const impure = /\b(fetch|indexedDB|localStorage|navigator|location|document|window|setTimeout|setInterval|performance|Date)\s*[.(]/;

  const found = inFolder('client/protocol').filter((file) => impure.test(CODE.get(file).replace(/'[^'\n]*'/g, "''")));

  assert.deepEqual(found, []);
});

test('nobody imports in a circle', () => {
  circle.done = new Set();

  assert.deepEqual(FILES.map((file) => circle(file)).filter(Boolean), []);
});

test("the client touches no document, and no page's URL", () => {
  assert.deepEqual(touching(inFolder('client'), /\bdocument\b|\blocation\.(hash|search|href)\b|\bhistory\b/), []);
});

test('in the app, only views touch the document', () => {
  const others = inFolder('web').filter((file) => !file.startsWith('web/app/views/'));

  assert.deepEqual(touching(others, /\bdocument\b/), []);
});

test("one module knows the app's links", () => {
  assert.deepEqual(touching(inFolder('web/app'), /\blocation\b/), ['web/app/links.js']);
});

test('the app takes the client by its public module, but for what it shares with the worker', () => {
  const inner = inFolder('web/app').flatMap((file) => RUNS.get(file).filter((name) => /^client\/.*\//.test(name)));

  assert.deepEqual(inner, []);
});

test('two files of the same name are not to be told apart', () => {
  const names = FILES.map((file) => file.split('/').at(-1));

  assert.deepEqual(names.filter((name, at) => names.indexOf(name) !== at), []);
});

test('no folder has more files than one sees at once', () => {
  const sizes = Object.groupBy(FILES, dirname);

  assert.deepEqual(Object.keys(sizes).filter((folder) => sizes[folder].length > 20), []);
});

test('no file is longer than one reads at once', () => {
  const long = FILES.filter((file) => !file.startsWith(LANGUAGES) && readFileSync(join(ROOT, file), 'utf8').split('\n').length > 221);

  assert.deepEqual(long, []);
});

test('no function is longer than one sees at once', () => {
  // From the line that opens a named function or a method to the brace at the same depth.
  const opened = /^( *)(?:export )?(?:static )?(?:async )?(?:function\*? ?\w*|(?!(?:if|for|while|switch|catch)\b)(?:get |set )?#?\w+)\(.*\) \{$/;
  const tooLong = (lines, at) => {
    const [, depth] = opened.exec(lines[at]) ?? [];
    return depth !== undefined && lines.slice(at).findIndex((line) => line.startsWith(`${depth}}`)) - 1 > 40;
  };

  const long = FILES.flatMap((file) => {
    const lines = readFileSync(join(ROOT, file), 'utf8').split('\n');
    return lines.filter((_, at) => tooLong(lines, at)).map((line) => `${file}: ${line.trim()}`);
  });

  assert.deepEqual(long, []);
});
