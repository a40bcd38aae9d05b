// fastify + web-push + pg
import Fastify, { LogController } from "fastify";
import { relay } from "./relay.js";

// One line for each call, as the others write: when it has ended.
class OneLine extends LogController {
  incomingRequest() {}
}

const app = Fastify({ bodyLimit: 8192, logger: true, logController: new OneLine() });
app.post("/:method", (request) => relay(request.body));
app.setErrorHandler((error, _request, reply) => {
  reply.status(error.status ?? 500).send({ ok: false, code: error.message });
});

const address = await app.listen({ port: 0, host: "127.0.0.1" });
console.log(`fastify at ${address}`);
