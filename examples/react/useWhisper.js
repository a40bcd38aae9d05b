import { useEffect, useState } from 'react';
import { Whisper } from 'whisper-client';

/**
 * Be reachable while `isOn`, which a click sets: browsers want one before they ask for the permission to notify.
 * StrictMode mounts everything twice: the page's one client stays, since it is stopped as often as it is started.
 * @param {string} server
 * @param {boolean} isOn
 */
export function useWhisper(server, isOn) {
  const [whisper, setWhisper] = useState(null);
  const [peer, setPeer] = useState(null);
  const [messages, setMessages] = useState([]);
  const [error, setError] = useState(null);

  useEffect(() => {
    if (!isOn) return undefined;
    const gone = new AbortController();
    const starting = Whisper.start({ server });
    starting.then((client) => {
      if (gone.signal.aborted) return;
      client.addEventListener('dial', (event) => event.accept().catch(setError), gone);
      client.addEventListener('peer', (event) => talk(event.peer), gone);
      setWhisper(client);
    }, setError);

    async function talk(connected) {
      setPeer(connected);
      for await (const message of connected.messages) setMessages((before) => [...before, message]);
      setPeer((now) => (now === connected ? null : now));
    }

    return () => {
      gone.abort();
      setWhisper(null);
      starting.then((client) => client.stop(), () => undefined);
    };
  }, [server, isOn]);

  return { whisper, peer, messages, error };
}
