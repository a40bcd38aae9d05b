/**
 * Route of a connection: its selected candidate pair.
 * @module
 */

/** The candidate types of both ends (RFC 8445, section 5.1.1), and whether a TURN server is between them.
 * @typedef {{relayed: boolean, local: string, remote: string, protocol: string}} Route
 */

/**
 * @param {RTCPeerConnection} rtc
 * @returns {Promise<Route | null>} null while there is none
 */
export async function routeOf(rtc) {
  const stats = [...(await rtc.getStats()).values()];
  const pair = stats.find((one) => one.type === 'candidate-pair' && one.state === 'succeeded' && (one.nominated || one.selected));
  const [local, remote] = [pair?.localCandidateId, pair?.remoteCandidateId].map((id) => stats.find((one) => one.id === id));
  if (!local || !remote) return null;
  const relayed = local.candidateType === 'relay' || remote.candidateType === 'relay';
  return { relayed, local: local.candidateType, remote: remote.candidateType, protocol: local.protocol };
}
