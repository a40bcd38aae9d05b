/**
 * Notifications of calls that ring, as the service worker shows them.
 * @module
 */

/**
 * @param {ServiceWorkerRegistration} registration
 * @param {string} address
 * @returns {Promise<Notification | undefined>} the one that rings for a call of *address*
 */
export async function findRinging(registration, address) {
  const shown = await registration.getNotifications();
  return shown.find(({ data }) => data?.address === address && data.rings);
}
