import { StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { useWhisper } from './useWhisper.js';

const SERVER = 'http://localhost:8000';

function App() {
  const [isOn, setOn] = useState(false);
  const { whisper, peer, messages, error } = useWhisper(SERVER, isOn);

  const submit = (work) => (event) => {
    event.preventDefault();
    work(new FormData(event.target).get('text')).catch(console.warn);
  };
  return (
    <>
      <p>My address: <output id="me">{whisper?.address}</output> <button id="start" onClick={() => setOn(true)}>Start</button></p>
      <form id="call" onSubmit={submit((address) => whisper.dial(address))}>
        <input id="address" name="text" placeholder="An address" required /> <button>Call</button>
      </form>
      <form id="say" onSubmit={submit((text) => peer.send(text))}>
        <input id="text" name="text" placeholder="A message" required /> <button>Send</button>
      </form>
      <ul id="log">
        <li>{error?.message ?? (peer ? 'connected' : 'nobody is here')}</li>
        {messages.map((message, number) => <li key={number}>they: {String(message)}</li>)}
      </ul>
    </>
  );
}

createRoot(document.getElementById('root')).render(<StrictMode><App /></StrictMode>);
