/**
 * State of the app, in one place: the views draw it, the other modules change it.
 * @module
 */

import { dropOldest } from './chat/entries.js';
import { shortAddress } from './display-names.js';
import { t } from './texts/translation.js';

/** @typedef {import('./storage/contacts.js').Contact} Contact */
/** @typedef {import('../client/whisper.js').Whisper} Whisper */
/** @typedef {import('../client/whisper.js').Identity} Identity */
/** @typedef {import('../client/peer.js').Peer} Peer */
/** @typedef {import('../client/rtc/file-transfer.js').Transfer} Transfer */

/** @typedef {import('../client/whisper.js').DialEvent} DialEvent */

/** @typedef {import('./chat/entries.js').TextEntry} TextEntry */
/** @typedef {import('./chat/entries.js').FileEntry} FileEntry */
/** @typedef {import('./chat/entries.js').Entry} Entry */

/** Media that I share with a peer. `silenced`: the browser wants a click before it plays; `held`: what was on before another call.
 * @typedef {{stream: MediaStream, muted: boolean, silenced: boolean, isScreen: boolean, held: Wants | null}} Media
 */

/** Purpose of a call: voice, or voice and video; neither to write.
 * @typedef {{audio: boolean, video: boolean}} Wants
 */

/** Status of them that their app tells; `typing`: until when, ms.
 * @typedef {{muted: boolean, held: boolean, typing: number}} Status
 */

/** @typedef {'idle' | 'ringing' | 'incoming' | 'connecting' | 'open' | 'reconnecting'} Phase */

/** One person, for as long as the page lives.
 * @typedef {object} Chat
 * @property {string} address
 * @property {Phase} phase
 * @property {Peer | null} peer
 * @property {AbortController | null} listening to the peer
 * @property {AbortController | null} dialling
 * @property {DialEvent | null} dial the call that rings here
 * @property {Entry[]} entries
 * @property {boolean} forgotten whether older entries were dropped
 * @property {number} unread
 * @property {number} missed
 * @property {unknown} trouble why the last call failed
 * @property {string} draft
 * @property {string} says the name that they give themselves; anybody may give any
 * @property {string} route how the connection runs
 * @property {string} routeDetail
 * @property {Media} media
 * @property {Wants} wants what the call is for that rings, or is open
 * @property {boolean} isRinging whether their push service has taken the dial: it rings there
 * @property {number} since when voice or video began, ms; 0 without
 * @property {string} quality of the connection, in words
 * @property {Status} status
 * @property {boolean} isApp whether their program is this app, as it has told
 * @property {string | null} replyTo the id of the message that the draft answers
 * @property {TextEntry | null} editing the message that is in the field instead of the draft
 * @property {Entry | null} sought the message that is to be shown with the next drawing
 * @property {string} readTold the id of the last message of which they were told that it was read
 */

/**
 * @typedef {object} State
 * @property {'loading' | 'off' | 'starting' | 'on' | 'failed'} phase
 * @property {boolean} hasOpened whether the people are shown, and no longer the welcome
 * @property {boolean} online
 * @property {boolean} isSeen whether somebody can see the page
 * @property {unknown} trouble why calls could not be turned on
 * @property {Identity | null} identity
 * @property {Whisper | null} whisper
 * @property {Map<string, Contact>} contacts
 * @property {Map<string, Chat>} chats
 * @property {Chat[]} dropped chats that have given way, until the storage has forgotten them too
 * @property {string | null} selected
 * @property {string | null} invited whose link was opened
 * @property {string | null} linking the sealed identity of another device, whose link was opened
 * @property {import('../client/call-screening.js').Screening} screening who is blocked, and until when calls do not ring
 * @property {'chat' | 'message' | 'people' | null} focus where the focus is to go with the next drawing
 */

/** Context that the modules share.
 * @typedef {object} App
 * @property {State} state
 * @property {() => void} changed draw, soon
 * @property {import('./views/notices.js').Notices} notices
 * @property {import('./storage/chat-repository.js').ChatRepository} chatRepository
 */

/** No voice, no video. */
export const WRITING = Object.freeze({ audio: false, video: false });
/** Whoever has our address can ring: that many unknown ones are remembered. */
export const MAX_STRANGERS = 30;

/** @returns {State} */
export function createState() {
  return {
    phase: 'loading',
    hasOpened: false,
    online: navigator.onLine,
    isSeen: true,
    trouble: null,
    identity: null,
    whisper: null,
    contacts: new Map(),
    chats: new Map(),
    dropped: [],
    selected: null,
    invited: null,
    linking: null,
    screening: { blocked: new Set(), quietUntil: 0 },
    focus: null,
  };
}

/**
 * Return the chat with an address, a new one if there is none.
 * @param {State} state
 * @param {string} address
 * @returns {Chat}
 */
export function chatWith(state, address) {
  const known = state.chats.get(address);
  if (known) return known;
  dropStrangers(state);
  /** @type {Chat} */
  const chat = {
    ...{ address, phase: 'idle', peer: null, listening: null, dialling: null, dial: null },
    ...{ entries: [], forgotten: false, unread: 0, missed: 0, trouble: null, draft: '', says: '', route: '', routeDetail: '' },
    ...{ media: newMedia(), wants: { ...WRITING }, isRinging: false, since: 0, quality: '', status: { muted: false, held: false, typing: 0 }, isApp: false },
    ...{ replyTo: null, editing: null, sought: null, readTold: '' },
  };
  state.chats.set(address, chat);
  return chat;
}

/** @returns {Media} nothing is shared */
export function newMedia() {
  return { stream: new MediaStream(), muted: false, silenced: false, isScreen: false, held: null };
}

/**
 * Tell whether there is voice or video, or was to be: the call has a screen of its own.
 * @param {Chat} chat
 */
export function isCall({ peer, media, wants, status }) {
  if (!peer) return false;
  return wants.audio || status.held || media.held !== null || media.stream.getTracks().length > 0 || peer.remote.getTracks().length > 0;
}

/**
 * Add an entry, and drop the oldest ones over the limit.
 * @param {Chat} chat
 * @param {Entry} entry
 */
export function addEntry(chat, entry) {
  chat.entries.push(entry);
  dropOldest(chat);
}

/**
 * @param {State} state
 * @param {string} address
 * @returns {string} the name in this browser, or the one that they say in quotes, or the address in short
 */
export function nameOf(state, address) {
  const says = state.chats.get(address)?.says;
  return state.contacts.get(address)?.name || (says ? t('people.quoted', { name: says }) : shortAddress(address));
}

/**
 * @param {State} state
 * @param {string} address
 * @returns {string} the name as a title: the one in this browser, or that somebody says they have it
 */
export function titleOf(state, address) {
  const says = state.chats.get(address)?.says;
  return says && !state.contacts.get(address)?.name ? t('people.says', { name: says }) : nameOf(state, address);
}

/**
 * @param {State} state
 * @returns {Chat | null}
 */
export function selectedChat(state) {
  return (state.selected && state.chats.get(state.selected)) || null;
}

/**
 * Return the chats with people who are not known, and of which a new one may take the place: first those who have only rung, then the oldest.
 * @param {State} state
 */
export function strangersOf({ chats, contacts, selected }) {
  const strangers = [...chats.values()].filter(({ address, phase }) => phase === 'idle' && !contacts.has(address) && address !== selected);
  const isTalk = (/** @type {Chat} */ { entries }) => Number(entries.some(({ kind }) => kind !== 'note'));
  const last = (/** @type {Chat} */ { entries }) => entries.at(-1)?.at.getTime() ?? 0;
  return strangers.sort((one, other) => isTalk(one) - isTalk(other) || last(one) - last(other));
}

/** @param {State} state */
function dropStrangers(state) {
  const dropped = strangersOf(state).slice(0, -MAX_STRANGERS);
  for (const { address } of dropped) state.chats.delete(address);
  state.dropped.push(...dropped);
}
