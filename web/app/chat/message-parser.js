/**
 * Parsing of the values of a chat: messages with an id, reactions, edits and read marks, as a stranger sends them. Pure.
 * @module
 */

/** The feature of the app that knows these values: who has it is sent them, and everybody else plain text. */
export const CHAT_FEATURE = 'whisper-chat/1';
/** So long after it was sent, a message can be edited. */
export const EDIT_MS = 60_000;
/** So much longer an edit may be under way. */
export const EDIT_SLACK_MS = 60_000;
export const MAX_EDITS = 10;
/** Longer ones can't be edited, nor become so long. */
export const MAX_EDITED = 16_000;
/** A family with skin tones has 25 UTF-16 units. */
const MAX_EMOJI = 32;

const ID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;
const EMOJI_ALONE = /^[\p{Extended_Pictographic}\p{Emoji_Component}]+$/u;
const EMOJI_WITHIN = /\p{Extended_Pictographic}|\p{Regional_Indicator}|\u20e3/u;
const graphemes = Intl.Segmenter ? new Intl.Segmenter(undefined, { granularity: 'grapheme' }) : null;

/** A message with an id of its sender, and the id of the one that it answers.
 * @typedef {{text: string, messageId: string, reply: string | null}} Message
 */
/** Change of a message that is there: of a reaction, '' takes it back; `read` is the last one that was read.
 * @typedef {{react: {to: string, with: string}} | {edit: {id: string, text: string}} | {read: string}} Change
 */

/**
 * @param {any} value whatever came over the connection
 * @returns {Message | null}
 */
export function readMessage(value) {
  if (typeof value?.text !== 'string' || !isMessageId(value.id)) return null;
  return { text: value.text, messageId: value.id, reply: isMessageId(value.reply) ? value.reply : null };
}

/**
 * @param {any} value whatever came over the connection
 * @returns {Change | null}
 */
export function readChange(value) {
  const { react, edit, read } = value ?? {};
  if (isMessageId(react?.to) && (react.with === '' || isEmoji(react.with))) return { react: { to: react.to, with: react.with } };
  if (isMessageId(edit?.id) && isEditable(edit.text)) return { edit: { id: edit.id, text: edit.text } };
  return isMessageId(read) ? { read } : null;
}

/**
 * @param {unknown} value
 * @returns {value is string}
 */
export function isMessageId(value) {
  return typeof value === 'string' && ID.test(value);
}

/**
 * @param {unknown} value
 * @returns {value is string} whether it is one emoji, and nothing else
 */
export function isEmoji(value) {
  if (typeof value !== 'string' || value.length > MAX_EMOJI || !EMOJI_ALONE.test(value) || !EMOJI_WITHIN.test(value)) return false;
  return !graphemes || [...graphemes.segment(value)].length === 1;
}

/**
 * @param {unknown} text
 * @returns {text is string} whether a message may become that
 */
export function isEditable(text) {
  return typeof text === 'string' && text.length <= MAX_EDITED && text.trim() !== '';
}
