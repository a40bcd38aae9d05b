/**
 * Records of an export: what is in its frames, written and read. Pure.
 *
 * Whoever has made a file and told its passphrase may have put anything into it: every record is checked, and only known members are taken.
 * @module
 */

import { isAddress } from '../../client/whisper.js';
import { cleanName } from '../contacts.js';
import { SealedFileError } from './sealed-file.js';

/** @typedef {import('./sealed-file.js').Bytes} Bytes */
/** @typedef {import('./talk-records.js').TalkRecord} TalkRecord */
/** @typedef {import('../contacts.js').Contact} Contact */

/** `content` of a file frame: its bytes.
 * @typedef {{type: 'people', contacts: Contact[], blocked: string[], settings: {name: string, language: string}}} PeopleRecord
 * @typedef {{type: 'talk', address: string, talk: TalkRecord}} TalkFrame
 * @typedef {{type: 'file', id: string, content: Bytes}} FileFrame
 * @typedef {PeopleRecord | TalkFrame | FileFrame} ExportRecord
 */

const NEWLINE = 10;
const MARKS = ['sent', 'delivered', 'read', 'failed'];
const NO_REACTIONS = Object.freeze({ mine: '', theirs: '' });

/**
 * @param {ExportRecord} record
 * @returns {Bytes} a line of JSON, and the content of a file
 */
export function encodeRecord(record) {
  const { content = new Uint8Array(), ...members } = /** @type {Partial<FileFrame>} */ (record);
  const line = new TextEncoder().encode(`${JSON.stringify(members)}\n`);
  const frame = new Uint8Array(line.length + content.length);
  frame.set(line);
  frame.set(content, line.length);
  return frame;
}

/**
 * @param {Bytes} frame
 * @returns {ExportRecord}
 * @throws {SealedFileError} `damaged_export` for what no export has
 */
export function decodeRecord(frame) {
  try {
    const end = frame.indexOf(NEWLINE);
    const record = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(frame.subarray(0, end)));
    if (record.type === 'people') return readPeople(record);
    if (record.type === 'talk') return { type: 'talk', address: addressIn(record.address), talk: readTalk(record.talk) };
    if (record.type === 'file') return { type: 'file', id: textIn(record.id), content: frame.subarray(end + 1) };
    throw new TypeError('another type');
  } catch (cause) {
    throw new SealedFileError('damaged_export', cause);
  }
}

/**
 * @param {any} record
 * @returns {PeopleRecord}
 */
function readPeople({ contacts, blocked, settings }) {
  return {
    type: 'people',
    contacts: contacts.map((/** @type {any} */ contact) => ({ address: addressIn(contact.address), name: cleanName(textIn(contact.name)) })),
    blocked: blocked.map(addressIn),
    settings: { name: cleanName(textIn(settings.name)), language: textIn(settings.language) },
  };
}

/**
 * @param {any} talk
 * @returns {TalkRecord}
 */
function readTalk({ entries, draft, says = '' }) {
  return { entries: entries.map(readEntry), draft: textIn(draft), unread: 0, missed: 0, says: cleanName(textIn(says)) };
}

/** @param {any} entry */
function readEntry(entry) {
  const { kind } = entry;
  const at = new Date(numberIn(entry.at)).getTime();
  if (Number.isNaN(at)) throw new TypeError('no time');
  if (kind === 'note') return { kind, at, text: textIn(entry.text) };
  const shared = { at, mine: entry.mine === true, messageId: entry.messageId == null ? null : textIn(entry.messageId), reactions: readReactions(entry.reactions) };
  if (kind === 'file') {
    const state = entry.state === 'done' ? 'done' : 'failed';
    return { kind, ...shared, id: textIn(entry.id), name: textIn(entry.name), type: textIn(entry.type), size: numberIn(entry.size), state };
  }
  if (kind !== 'text') throw new TypeError('another kind');
  const mark = MARKS.includes(entry.mark) ? entry.mark : 'failed'; // nothing that waited there is sent from here
  const reply = entry.reply == null ? null : textIn(entry.reply);
  return { kind, ...shared, text: textIn(entry.text), isCode: entry.isCode === true, mark, reply, edits: numberIn(entry.edits ?? 0) };
}

/** @param {any} [reactions] */
function readReactions({ mine, theirs } = NO_REACTIONS) {
  return { mine: textIn(mine), theirs: textIn(theirs), isUntold: false };
}

/** @param {unknown} value */
function addressIn(value) {
  const address = textIn(value);
  if (!isAddress(address)) throw new TypeError('no address');
  return address;
}

/** @param {unknown} value */
function textIn(value) {
  if (typeof value !== 'string') throw new TypeError('no text');
  return value;
}

/** @param {unknown} value */
function numberIn(value) {
  if (!Number.isSafeInteger(value) || Number(value) < 0) throw new TypeError('no number');
  return Number(value);
}
