/** Candidates of a description, as a browser wants them back. */

import assert from 'node:assert/strict';
import test from 'node:test';

import { splitCandidates } from '../../../../client/rtc/negotiation.js';

const ONE = 'candidate:1 1 UDP 2122252543 192.0.2.1 54321 typ host';
const TWO = 'candidate:2 1 TCP 2105524479 192.0.2.1 9 typ host tcptype active';

/** As Chrome and Firefox spell it: a section's candidates before its mid. */
const AUDIO = 'm=audio 9 UDP/TLS/RTP/SAVPF 111';
const DATA = 'm=application 9 UDP/DTLS/SCTP webrtc-datachannel';
const SDP = ['v=0', 's=-', AUDIO, `a=${ONE}`, 'a=mid:0', DATA, `a=${TWO}`, 'a=end-of-candidates', 'a=mid:1', ''].join('\r\n');

test('a description is left without its candidates', () => {
  const { bare } = splitCandidates(SDP);

  assert.equal(bare, ['v=0', 's=-', AUDIO, 'a=mid:0', DATA, 'a=mid:1', ''].join('\r\n'));
});

test('each candidate knows its section, by its index alone', () => {
  const { candidates } = splitCandidates(SDP);

  assert.deepEqual(candidates, [
    { candidate: ONE, sdpMLineIndex: 0, sdpMid: null },
    { candidate: TWO, sdpMLineIndex: 1, sdpMid: null },
  ]);
});

test('a description without candidates stays as it is', () => {
  const { bare } = splitCandidates(SDP);

  assert.deepEqual(splitCandidates(bare), { bare, candidates: [] });
});
