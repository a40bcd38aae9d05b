/** Sealed file, whole or refused: whatever is cut off, moved, changed or foreign has its own code. */

import assert from 'node:assert/strict';
import test from 'node:test';

import { MAX_SEALED_FILE_BYTES, SealedFileWriter, readSealedFile } from '../../../../web/app/storage/sealed-file.js';
import { writeBackup } from '../../../../client/identity-backup.js';

const PASSPHRASE = 'four words are good';
const QUICK = 1000;
const FRAMES = ['one', 'two', 'three'].map((text) => new TextEncoder().encode(text));
const FILE = await seal(FRAMES);
const BYTES = new Uint8Array(await FILE.arrayBuffer());
const START = BYTES.indexOf(10) + 1;
const FRAME = 4 + 16;

/** Return a sealed file of these frames. */
async function seal(frames) {
  const writer = await SealedFileWriter.create(PASSPHRASE, QUICK);
  for (const frame of frames) await writer.add(frame);
  return writer.end();
}

/** Return what is read. */
async function read(file, passphrase = PASSPHRASE) {
  const texts = [];
  for await (const frame of readSealedFile(file, passphrase)) texts.push(new TextDecoder().decode(frame));
  return texts;
}

/** Return the file's bytes after a *change*. */
function changed(change) {
  const bytes = Uint8Array.from(BYTES);
  return new Blob([change(bytes) ?? bytes]);
}

test('frames are read as they were written', async () => {
  assert.deepEqual(await read(FILE), ['one', 'two', 'three']);
});

test('an accent typed in another way is the same passphrase', async () => {
  const writer = await SealedFileWriter.create('caf\u00e9 noir', QUICK);

  assert.deepEqual(await read(await writer.end(), 'cafe\u0301 noir'), []);
});

test('nothing of what is sealed can be read without the passphrase', async () => {
  const text = new TextDecoder().decode(BYTES);

  assert.equal(['one', 'two', 'three'].some((word) => text.includes(word)), false);
});

for (const [what, file, code, passphrase] of [
  ['another passphrase', FILE, 'wrong_passphrase', 'four words are bad'],
  ['a file that is cut off within a frame', changed((bytes) => bytes.slice(0, -5)), 'damaged_export'],
  ['a file whose last frame is missing', changed((bytes) => bytes.slice(0, -FRAME)), 'damaged_export'],
  ['a file whose last two frames are missing', changed((bytes) => bytes.slice(0, -FRAME - FRAME - 5)), 'damaged_export'],
  ['a file without any frame', changed((bytes) => bytes.slice(0, START)), 'damaged_export'],
  ['a file with more behind it', changed((bytes) => new Uint8Array([...bytes, 0])), 'damaged_export'],
  ['a changed byte', changed((bytes) => void (bytes[bytes.length - FRAME - 1] ^= 1)), 'damaged_export'],
  ['a frame that claims to be longer than the file', changed((bytes) => void (bytes[START + FRAME] = 1)), 'damaged_export'],
  ['an export of other parameters', changed((bytes) => void (bytes[START - 4] ^= 1)), 'wrong_passphrase'],
  ['a photo', new Blob([new Uint8Array(1000).fill(255)]), 'not_an_export'],
  ['nothing', new Blob([]), 'not_an_export'],
  ['a backup of an address', new Blob([await writeBackup('A'.repeat(43) + '=', new Uint8Array(48), PASSPHRASE)]), 'not_an_export'],
  ['a header of hours', new Blob(['{"kind":"whisper-export/1","iterations":1e12,"salt":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}\n']), 'not_an_export'],
  ['a file larger than any export', { size: MAX_SEALED_FILE_BYTES + 1 }, 'export_too_large'],
]) {
  test(`${what} is refused with ${code}`, async () => {
    await assert.rejects(read(file, passphrase), { code });
  });
}
