/**
 * Audio and video of each chat's call; audio continues while another chat is shown.
 * @module
 */

import { chosenDevice, tracksOf } from '../../media-devices.js';
import { isCall, nameOf, selectedChat } from '../../state.js';
import { t } from '../../texts/translation.js';
import { avatar, drawAvatar } from '../avatar.js';
import { create, element, onClick, setAttribute, setShown, setText } from '../dom.js';
import { makeDraggable } from './self-view.js';
import { keepAwake } from './wake-lock.js';

/** @typedef {import('../../state.js').App} App */
/** @typedef {import('../../state.js').Chat} Chat */

/** Stage of one call: the peer's audio and video, and my self-view. */
class Stage {
  #remote = create('video', { class: 'remote', autoplay: true, playsinline: true });
  #selfView = create('video', { class: 'self-view', autoplay: true, playsinline: true, 'aria-label': t('call.selfView') });
  #sign;
  #text = create('p', { class: 'clip' });
  #voice;
  #app;
  #chat;

  /**
   * @param {App} app
   * @param {Chat} chat
   */
  constructor(app, chat) {
    this.#app = app;
    this.#chat = chat;
    this.#sign = avatar(chat.address, '');
    this.#voice = create('div', { class: 'voice' }, this.#sign, this.#text);
    this.#selfView.muted = true;
    makeDraggable(this.#selfView);
    this.element = create('div', { class: 'stage' }, this.#remote, this.#voice, this.#selfView);
  }

  draw() {
    const { state } = this.#app;
    const { peer, media, address } = this.#chat;
    const theirs = peer?.remote ?? null;
    const sees = Boolean(theirs && tracksOf(theirs, 'camera').length);
    const hears = Boolean(theirs && tracksOf(theirs, 'microphone').length);
    const isSeen = tracksOf(media.stream, 'camera').length > 0;
    const name = nameOf(state, address);
    drawAvatar(this.#sign, address, state.contacts.get(address)?.name ?? '');
    setText(this.#text, voiceText(name, hears, tracksOf(media.stream, 'microphone').length > 0, isSeen));
    setAttribute(this.#remote, 'aria-label', t('call.theirPicture', { name }));
    setAttribute(this.#selfView, 'data-mirrored', !media.isScreen);
    setAttribute(this.element, 'data-remote', sees ? 'video' : hears ? 'voice' : 'none');
    setShown(this.#voice, !sees);
    setShown(this.#selfView, isSeen);
    this.#play(this.#remote, sees || hears ? theirs : null);
    this.#play(this.#selfView, isSeen ? media.stream : null);
  }

  /** Play what the browser held back: call it from a click. */
  async play() {
    await this.#remote.play().catch(() => undefined); // then the button stays
    this.#chat.media.silenced = this.#remote.paused;
    this.#app.changed();
  }

  /**
   * @param {HTMLVideoElement} video
   * @param {MediaStream | null} stream
   */
  #play(video, stream) {
    if (video.srcObject === stream) return;
    video.srcObject = stream;
    if (!stream) return;
    const speaker = chosenDevice('speaker');
    if (speaker && video === this.#remote) void video.setSinkId?.(speaker).catch(() => undefined); // it may be gone
    video.play().catch((/** @type {unknown} */ error) => {
      const isHeldBack = error instanceof DOMException && error.name === 'NotAllowedError';
      if (isHeldBack && video === this.#remote) this.#chat.media.silenced = true;
      this.#app.changed();
    });
  }
}

/**
 * @param {string} name
 * @param {boolean} hears whether I hear them
 * @param {boolean} isHeard whether they hear me
 * @param {boolean} isSeen whether they see me
 */
function voiceText(name, hears, isHeard, isSeen) {
  if (hears && isHeard) return t('call.hearEachOther', { name });
  if (hears) return t('call.youHear', { name });
  if (isHeard) return t('call.hearsYou', { name });
  return isSeen ? t('call.seesYou', { name }) : name;
}

/**
 * @param {App} app
 * @returns {() => void} draw
 */
export function stageView(app) {
  const { state } = app;
  /** @type {Map<Chat, Stage>} */
  const stages = new Map();
  onClick('play-sound', () => {
    const chat = selectedChat(state);
    void (chat && stages.get(chat)?.play());
  });

  return () => {
    for (const [chat, stage] of stages) {
      if (isCall(chat)) continue;
      stage.element.remove();
      stages.delete(chat);
    }
    const selected = selectedChat(state);
    for (const chat of state.chats.values()) {
      if (!isCall(chat)) continue;
      const stage = stages.get(chat) ?? new Stage(app, chat);
      if (!stages.has(chat)) element('stages').append(stage.element);
      stages.set(chat, stage);
      setShown(stage.element, chat === selected);
      stage.draw();
    }
    void keepAwake(stages.size > 0);
  };
}
