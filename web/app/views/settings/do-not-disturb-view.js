/**
 * "Do not disturb": the choice in the settings, and the line that says that it is on.
 * @module
 */

import { FOR_EVER, isQuiet } from '../../../client/call-screening.js';
import { timeOf } from '../../format.js';
import { setDoNotDisturb } from '../../reachability/screening-settings.js';
import { t } from '../../texts/translation.js';
import { byId, element, onClick, setShown, setText } from '../dom.js';

/** @typedef {import('../../state.js').App} App */

const HOUR_MS = 3_600_000;
const MORNING = 8;

/**
 * @param {App} app
 * @returns {() => void} draw
 */
export function doNotDisturbView(app) {
  const choice = byId('quiet', HTMLSelectElement);
  choice.addEventListener('change', () => void setDoNotDisturb(app, endOf(choice.value, new Date())));
  onClick('quiet-off', () => setDoNotDisturb(app, 0));

  return () => {
    const { screening } = app.state;
    const isOn = isQuiet(screening, Date.now());
    setShown(element('quiet-bar'), isOn);
    const isEndless = screening.quietUntil === FOR_EVER;
    setText(element('quiet-text'), isOn && !isEndless ? t('quiet.until', { time: timeOf(new Date(screening.quietUntil)) }) : t('quiet.title'));
    if (!isOn) choice.value = 'off';
    else if (isEndless) choice.value = 'ever';
    else if (choice.value === 'off') choice.selectedIndex = -1; // chosen before a reload, or in another window
  };
}

/**
 * @param {string} choice
 * @param {Date} now
 * @returns {number} until when it is quiet, ms
 */
export function endOf(choice, now) {
  if (choice === 'ever') return FOR_EVER;
  if (choice === 'hour') return now.getTime() + HOUR_MS;
  if (choice !== 'morning') return 0;
  const morning = new Date(now);
  if (now.getHours() >= MORNING) morning.setDate(now.getDate() + 1);
  return morning.setHours(MORNING, 0, 0, 0);
}
