/**
 * PWA install prompt: by button in Chromium, by instructions on iOS.
 * @module
 */

import { recall, remember } from '../storage/web-storage.js';
import { t } from '../texts/translation.js';
import { button, element, onClick, setShown, setText } from './dom.js';

/** @typedef {Event & {prompt: () => Promise<unknown>}} InstallEvent */

/** @returns {boolean} whether this is an iPhone or iPad with Whisper in a tab, where no call can come */
export function needsHomeScreen() {
  return isIos() && !isInstalled();
}

/**
 * Show the offer at the foot of the people after the first call, when there is something to offer.
 * @returns {() => void} draw
 */
export function installView() {
  /** @type {InstallEvent | null} */
  let offer = null;

  const draw = () => {
    const isWanted = recall('whisper.called') !== null && recall('whisper.install-later') === null && !isInstalled();
    setShown(element('install-bar'), isWanted && (offer !== null || isIos()));
    setShown(button('install'), offer !== null);
    setText(element('install-text'), offer ? t('install.offer') : t('install.ios'));
  };
  window.addEventListener('beforeinstallprompt', (event) => {
    event.preventDefault();
    offer = /** @type {InstallEvent} */ (event);
    draw();
  });
  window.addEventListener('appinstalled', () => {
    offer = null;
    draw();
  });
  onClick('install', async () => {
    await offer?.prompt().catch(() => undefined); // it may be used once
    offer = null;
    draw();
  });
  onClick('install-later', () => {
    remember('whisper.install-later', 'yes');
    draw();
  });
  return draw;
}

function isIos() {
  const isTouchMac = navigator.platform === 'MacIntel' && navigator.maxTouchPoints > 1;
  return /iPhone|iPad|iPod/.test(navigator.userAgent) || isTouchMac;
}

function isInstalled() {
  const { standalone } = /** @type {Navigator & {standalone?: boolean}} */ (navigator);
  return standalone === true || matchMedia('(display-mode: standalone)').matches;
}
