// express + web-push + pg
import express from "express";
import morgan from "morgan";
import { relay } from "./relay.js";

const app = express();
app.use(morgan("combined"));
app.use(express.json({ limit: "8kb" }));
app.post("/:method", async (request, response) => {
  response.json(await relay(request.body));
});
app.use((error, _request, response, _next) => {
  response.status(error.status ?? 500).json({ ok: false, code: error.message });
});

const server = app.listen(0, "127.0.0.1", () => {
  console.log(`express at http://127.0.0.1:${server.address().port}`);
});
